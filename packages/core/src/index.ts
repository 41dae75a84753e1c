/**
 * `@busbar/core`: the bus. Transports are packages of their own, given to `createBus` explicitly.
 */

export { type DeadLetterStore, MemoryDeadLetterStore, type StoredLetter } from './acknowledged/dead-letter-store.ts';
export type { DeadLetter, DeadLetterBox } from './acknowledged/dead-letters.ts';
export type { AckOptions } from './acknowledged/terms.ts';
export type { FailedAttempt } from './acknowledged/unacknowledged.ts';
export { Bus } from './bus.ts';
export type { RequestHandler } from './calls/active-service.ts';
export type { Answers, ServerAnswer } from './calls/many-answers.ts';
export type { RequestContext } from './calls/running.ts';
export type { Service } from './calls/service-base.ts';
export type { CloseReport } from './closing.ts';
export { json, msgpack, raw } from './codecs/index.ts';
export * from './contract/errors.ts';
export type { Clock, Codec, Lease, Logger, PeerInfo, TransportPlugin } from './contract/index.ts';
export * from './contract/qos.ts';
export * from './contract/result.ts';
export { type CallContract, call, type StreamContract, stream, type TopicContract, topic } from './contracts.ts';
export { createBus } from './create-bus.ts';
export type { Loan } from './delivery/loan.ts';
export type { FlushReport, Publisher } from './delivery/publisher.ts';
export type { BusEvents } from './events.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export type { Tally } from './link/tallies.ts';
export type { Message, NackOptions } from './message.ts';
export type * from './options.ts';
export {
  Counters,
  type Delivery,
  OUTCOMES,
  type Outcome,
  REASONS,
  type Reason,
  type ReasonText,
  type Receipt,
} from './outcomes.ts';
export type { Left } from './selector/adaptation.ts';
export type { Explanation } from './selector/explain.ts';
export { type Facts, FIXED, HYBRID, type Policy, type Preference, type Rule, rules } from './selector/policy.ts';
export type { PolicyFunction } from './selector/resolve-policy.ts';
export type { Latency } from './selector/route-figures.ts';
export { type Candidate, type Rejection, type RouteState, type Selection, select } from './selector/select.ts';
export type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts';
export type { BusStats, LatencyStats, PeerStats, QueueStats, RouteStats } from './stats/bus-stats.ts';
export type {
  LinkNotice,
  PublishNotice,
  QueuedNotice,
  ReceivedNotice,
  RouteNotice,
  SentNotice,
  SettledNotice,
} from './stats/channels.ts';
export type { FailureCount } from './stats/failure-table.ts';
export type { BandLatency, RouteInfo } from './stats/routes.ts';
export type { OpenedStream } from './streams/opened-stream.ts';
export type { StreamHandler } from './streams/production.ts';
export type { Chunks } from './streams/source.ts';
export type { MessageHandler, Subscription } from './subscription.ts';
export type { Unavailable } from './transports.ts';
