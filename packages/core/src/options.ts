import type { DeadLetterStore } from './acknowledged/dead-letter-store.ts';
import type { AckOptions } from './acknowledged/terms.ts';
import type { RequestContext } from './calls/running.ts';
import type { Clock, Codec, Logger, Priority, Qos, TransportPlugin } from './contract/index.ts';
import type { Limits } from './limits.ts';
import type { Policy } from './selector/policy.ts';
import type { PolicyFunction } from './selector/resolve-policy.ts';

export interface BusOptions {
  /** Label of this participant, `[A-Za-z0-9_-]{1,64}`. Default `pid-<pid>`. */
  name?: string;
  /** Claim `name` for this participant alone; needs `@busbar/native`. Default false. */
  exclusive?: boolean;
  /** Participants of one bus name find each other. Default `default`. */
  bus?: string;
  /** Transports of this participant, in no particular order: the policy decides. Default none: local delivery only. */
  plugins?: readonly TransportPlugin[];
  /** Runtime directory. Default `$BUSBAR_DIR`, else `$XDG_RUNTIME_DIR/busbar`, else `/tmp/busbar-<uid>`. */
  directory?: string;
  /**
   * Which transport carries what. `adaptive` (default): the table `HYBRID`, and what is measured; `fixed`: the table
   * alone; `rules([...])` over either; a policy of your own, or a function, which is asked for every message.
   */
  policy?: Policy | PolicyFunction | 'adaptive' | 'fixed';
  /** Encodes values that are not `Uint8Array`. Default msgpack. */
  codec?: Codec;
  logger?: Logger;
  clock?: Clock;
  limits?: Partial<Limits>;
  /** Where acknowledged messages go that nobody could process. Default: memory, up to `limits.deadLetterBytes`. */
  deadLetters?: DeadLetterStore;
  /**
   * This thread is the participant's alone: it polls its shared memory without pause, so that a synchronous handler runs as
   * soon as a message can be seen, and lets its event loop have a turn every 100 us. It takes a whole core, never sleeps, and
   * keeps its process alive until `close`; meant for a worker thread. A handler that awaits goes on in the next turn.
   * Default false: polling is earned, and an idle participant takes no processor time.
   */
  spin?: boolean;
  /** On these signals: stop taking, drain, close, end by the same signal; a second one ends at once. Default none. */
  closeOnSignals?: boolean | readonly NodeJS.Signals[];
}

export interface PublishOptions extends Qos, AckOptions {
  headers?: Readonly<Record<string, string>>;
  /** Messages of one topic and key stay in order; other keys may overtake. Default: one order per topic. */
  orderKey?: string;
  /** ms the message is good for; no handler sees it later. Default: as long as it takes. */
  ttl?: number;
  /**
   * ms until the call settles as DEADLINE_EXCEEDED; default `limits.deadlineMs`, and for acknowledged messages as much more as
   * all attempts can take. What is acknowledged later is acknowledged in vain: nothing is sent again after it.
   */
  deadline?: number;
  signal?: AbortSignal;
  /** Force one transport by name; refused when it cannot carry the message. */
  via?: string;
  /**
   * What to do when a subscriber is so far behind that it has no credit left. `wait` (default): the message waits its
   * turn; `error`: nothing is sent to anybody, BACK_PRESSURED; `drop-newest`: that subscriber loses this message;
   * `drop-oldest`: it waits, and when more than one window (`limits.topicCredit`) waits, the oldest of them go. Drops are
   * counted and told in the receipt; order is kept, and no receiver waits for what was dropped. What is sent again because it
   * was not acknowledged waits.
   */
  onFull?: 'wait' | OnFull;
}

export type OnFull = 'error' | 'drop-newest' | 'drop-oldest';

export interface PublisherOptions extends Qos, AckOptions {
  orderKey?: string;
  /** As for `publish`; `error` is the default, and BACK_PRESSURED its answer: there is no promise that could wait. */
  onFull?: OnFull;
  /** ms each message is good for, from `send` on; no handler sees it later. Default: as long as it takes. */
  ttl?: number;
  via?: string;
  /**
   * `reference` hands local subscribers the same object without the codec, which it must pass all the same when peers
   * subscribe, too, or when it is to be acknowledged: a dead letter is kept encoded. Default `copy`.
   */
  local?: 'copy' | 'reference';
}

export interface SubscribeOptions {
  /**
   * Handlers running at once. Default: one message at a time per flow (sender, priority, topic and order key); flows
   * run beside each other. With a number: at most so many, whatever their flow.
   */
  concurrency?: number;
  /**
   * Shares the work: of all members of a group of this name, here and at peers, exactly one gets each message - the one
   * with the least of the topic outstanding, that is, not yet worked off by its handler. Messages of one order key stay
   * with a member while it has any outstanding. Other groups, and subscriptions without one, get the message as well.
   */
  group?: string;
  /**
   * `message.data` is a `Lease`: the bytes where their publisher has written them, not a copy, when they came by reference
   * (`publisher.loan`), else a private copy. The handler must `release()` each, at the latest when it has no more use for
   * it; the publisher cannot use the memory before. It trusts the publisher, who can still write there. For bytes only.
   * Messages of a group, and acknowledged ones, are copied all the same.
   */
  lease?: boolean;
  /** Ends the subscription. */
  signal?: AbortSignal;
}

export interface ServeOptions {
  /** Requests handled at once; further ones wait, up to the callers' credit. Default 16. */
  concurrency?: number;
  signal?: AbortSignal;
}

export interface OpenOptions {
  priority?: Priority;
  headers?: Readonly<Record<string, string>>;
  /**
   * ms until a handler has taken the request, else DEADLINE_EXCEEDED; default `limits.deadlineMs`. Once one has, there is
   * no deadline: chunks may be far apart, and the end of the serving side is noticed as PEER_GONE.
   */
  deadline?: number;
  /** Ends the stream at both sides; the iterator throws ABORTED. */
  signal?: AbortSignal;
  /** Force one transport by name for the request; chunks go as the serving side's policy says. */
  via?: string;
}

/** What `request` and `requestMany` have in common. */
export interface AskOptions {
  priority?: Priority;
  headers?: Readonly<Record<string, string>>;
  /** ms until DEADLINE_EXCEEDED; default `limits.deadlineMs`. The handler knows what is left of it. */
  deadline?: number;
  /** Gives the request up; the handler's signal fires. */
  signal?: AbortSignal;
  /** The request being handled for whose sake this one is made: it gets at most what is left of that, and ends with it. */
  within?: RequestContext;
  via?: string;
}

export interface RequestOptions extends AskOptions {
  /** Hears what the handler reports (`context.progress`), in order, before the answer. */
  onProgress?: (value: unknown) => unknown;
  /** Each report starts the deadline anew, on both sides. Default false: progress is no reason to wait longer. */
  extendOnProgress?: boolean;
}

export interface RequestManyOptions extends AskOptions {
  /** Ends it after so many values; failures do not count. Default: when everybody has answered. */
  max?: number;
  /** Ends it when so many ms have passed after a value without a further one. Default: the deadline alone. */
  quiet?: number;
}
