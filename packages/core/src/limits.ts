import { BusError } from './contract/index.ts';

/**
 * Every bound of a bus in one place. All are checked; what exceeds one is refused with a typed error or, where a peer
 * exceeds it, counted and the link cut. Bytes unless said otherwise.
 */
export interface Limits {
  /** Largest message payload. Default 64 MiB. */
  readonly maxMessageBytes: number;
  /** Largest encoded headers map of a message. Default 16 KiB. */
  readonly maxHeadersBytes: number;
  /** Credit window of one (link, topic): bytes on the way or waiting in the receiver's subscriptions. Default 256 KiB. */
  readonly topicCredit: number;
  /** Credit window of one link over all topics. Default 16 MiB. */
  readonly linkCredit: number;
  /** Credit window of one opened stream: bytes of chunks on the way or not yet read by its consumer. Default 256 KiB. */
  readonly streamWindow: number;
  /** Bytes that `publish` may hold back for one link while it waits for credit or a route. Default 256 MiB. */
  readonly maxQueuedBytes: number;
  /**
   * Of the bytes written to a link while messages of a less urgent class wait, the share that each such class gets.
   * At most 0.2. Default 1/16.
   */
  readonly minShare: number;
  /** What a medium may hold unwritten; see `TransportLimits.unwrittenBytes`. Default 256 KiB. */
  readonly unwrittenBytes: number;
  /** Bytes of unfinished fragmented messages that one peer may make this participant hold. Default 128 MiB. */
  readonly assemblyBytes: number;
  /** Bytes of frames that arrived early and are held until the gap before them closes, per link. Default 64 MiB. */
  readonly heldBytes: number;
  /** Patterns and services one peer may announce. Default 16,384. */
  readonly subscriptionsPerPeer: number;
  /** Topic ids one peer may use on a link. Default 65,536. */
  readonly topicsPerPeer: number;
  /** Deadline of a call that states none, in ms. Default 30,000. */
  readonly deadlineMs: number;
  /** How long a handler may take over an acknowledged message before it is sent again, in ms. Default 30,000. */
  readonly ackTimeoutMs: number;
  /** How often an acknowledged message is sent before it becomes a dead letter. Default 5. */
  readonly maxDeliveries: number;
  /** Dead letters kept in memory; then the oldest go, with a warning. Default 16 MiB. */
  readonly deadLetterBytes: number;
  /** How long the sequence state of a lost, not proven dead, peer is kept for its return, in ms. Default 10,000. */
  readonly resumeMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxMessageBytes: 64 * 1024 * 1024,
  maxHeadersBytes: 16 * 1024,
  topicCredit: 256 * 1024,
  linkCredit: 16 * 1024 * 1024,
  streamWindow: 256 * 1024,
  maxQueuedBytes: 256 * 1024 * 1024,
  minShare: 1 / 16,
  unwrittenBytes: 256 * 1024,
  assemblyBytes: 128 * 1024 * 1024,
  heldBytes: 64 * 1024 * 1024,
  subscriptionsPerPeer: 16_384,
  topicsPerPeer: 65_536,
  deadlineMs: 30_000,
  ackTimeoutMs: 30_000,
  maxDeliveries: 5,
  deadLetterBytes: 16 * 1024 * 1024,
  resumeMs: 10_000,
};

const MAX_MIN_SHARE = 0.2;

/** The frame header's length has 16 bits, and holds more than the headers map. */
const MAX_HEADERS_BYTES = 60_000;

/** The defaults with `own` over them. @throws BusError INVALID_OPTION */
export function resolveLimits(own: Partial<Limits> | undefined): Limits {
  const limits = { ...DEFAULT_LIMITS, ...own };
  for (const [key, value] of Object.entries(limits)) {
    if (!(key in DEFAULT_LIMITS) || !Number.isFinite(value) || value <= 0) {
      throw new BusError('INVALID_OPTION', `limits.${key} cannot be ${String(value)}`, {
        where: 'createBus',
        remedy: 'give a positive number, or leave it out',
      });
    }
  }
  if (limits.maxHeadersBytes > MAX_HEADERS_BYTES) {
    throw new BusError('INVALID_OPTION', `limits.maxHeadersBytes cannot exceed ${MAX_HEADERS_BYTES}`, {
      where: 'createBus',
      remedy: 'put bulky data into the message',
    });
  }
  if (limits.minShare > MAX_MIN_SHARE) {
    throw new BusError('INVALID_OPTION', `limits.minShare cannot exceed ${MAX_MIN_SHARE}`, {
      where: 'createBus',
      remedy: 'there are five classes, and the urgent ones must keep most',
    });
  }
  return limits;
}
