import { allocateFrameBuffer, type FrameBuffer, KIND, type PeerInfo } from '../contract/index.ts';
import { Deadline, withdraw } from '../deadlines.ts';
import { type Expiry, TIME_PASSED } from '../expiry.ts';
import { type Counters, isSuccess, type Outcome, type ReasonText } from '../outcomes.ts';
import { SETTLED } from '../stats/channels.ts';
import type { Diagnostics } from '../stats/diagnostics.ts';
import type { FailureTable } from '../stats/failure-table.ts';
import type { LentPayload } from './lent-payload.ts';
import type { OutTopic } from './out-topic.ts';
import type { Route } from './route.ts';

/** A delivery that has no outcome yet: a message on its way, or one that is kept until it is acknowledged. */
export interface UnderWay {
  readonly target: { readonly peer: PeerInfo };
  readonly topic: OutTopic;
  readonly carriedBy: string | undefined;
  /** 0: no frame bears it yet. */
  readonly sequence: number;
  /** How often it was sent, when it is to be acknowledged. */
  readonly attempts: number | undefined;
  /** Ends it where it stands (deadline, abort). */
  giveUp(outcome: Outcome, reason: ReasonText): void;
}

/** Who is told how a delivery ended. */
export interface Settlement {
  /** Before a message is submitted. */
  opened(message: UnderWay): void;
  /** Called exactly once a message. The message object is reused afterwards: keep nothing of it. */
  settled(message: UnderWay, outcome: Outcome, reason: ReasonText | undefined): void;
}

/** Where outcomes are counted and told. */
export interface SettlementHost {
  readonly counters: Counters;
  readonly failures: FailureTable;
  readonly diagnostics: Diagnostics;
}

/** What takes a message towards its receiver: a link's outbound side, or the local one. */
export interface Target {
  readonly peer: PeerInfo;
  /** Bytes waiting for credit, a route or room. */
  readonly queuedBytes: number;
  submit(message: OutMessage): void;
  /** Ends a message that is in no queue as refused. */
  refuse(message: OutMessage, reason: ReasonText): void;
  /** Ends a message where it stands (deadline, abort). */
  settleEarly(message: OutMessage, outcome: Outcome, reason: ReasonText): void;
}

/** What becomes of a reliable message for which its target has no credit. */
export const ON_FULL = { WAIT: 0, DROP_NEWEST: 1, DROP_OLDEST: 2 } as const;

/** Reasons of drops. */
export const NO_CREDIT = 'no credit: the subscriber is behind';
export const NEWER_CAME = 'no credit: newer messages took its place';

/** The payload of a message that has none. */
export const NO_BYTES = allocateFrameBuffer(0);

/**
 * One message on its way to one peer, from `submit` until it is settled. Pooled; linked into exactly one queue at a
 * time: waiting for credit, ready to be written, or a route's window of unconfirmed frames.
 */
export class OutMessage implements UnderWay {
  kind = 0;
  priority = 0;
  codec = 0;
  reliable = true;
  /** 0 to 63; with the priority it names the flow. */
  flow = 0;
  /** One of the attempts to have it acknowledged: the delivery is kept, and counted, elsewhere. */
  acknowledged = false;
  /** Not the first of them. */
  redelivered = false;
  /** It bears an order key: a group's member keeps the key. */
  keyed = false;
  /** Given at the first commit; 0 before. */
  sequence = 0;
  /** Message id, or the correlation id of a request and its answers. */
  id = 0;
  /** The payload: `size` bytes of a shared block from `start` on, which is a multiple of 8. */
  payload: FrameBuffer = NO_BYTES;
  start = 0;
  size = 0;
  /** Where the payload is, when peers may be told instead of given it. */
  lent: LentPayload | undefined;
  headers: Uint8Array | undefined;
  topic!: OutTopic;
  target!: Target;
  /** The value itself, for local subscribers by reference; only when `byReference`. */
  value: unknown = undefined;
  byReference = false;
  /** When nobody may take it any more; see `Expiry`. */
  expiry = 0;
  /** Watches over `expiry`, once it has waited in a queue. */
  deadline: Deadline | undefined;
  /** Credit in bytes; 0 for kinds that need none. */
  cost = 0;
  /** Payload bytes written so far; not 0 only between fragments. */
  written = 0;
  /** The route of a message in fragments, until its last. */
  route: Route | undefined;
  /** Frames committed on its route when its last frame was: what a medium's own confirmation counts. */
  ordinal = 0;
  /** One of `ON_FULL`. */
  onFull = 0;
  /** A transport asked for by name. */
  via: string | undefined;
  /** The transport that carried it. */
  carriedBy: string | undefined;
  settlement: Settlement | undefined;
  /** Settled; what is left of it in a queue is skipped. */
  done = false;
  next: OutMessage | undefined;

  /** Any member of a group may have it, while nothing of it is written. A receipt of one is for its sender alone. */
  get isShared(): boolean {
    return this.kind === KIND.EVENT && this.topic.group !== undefined && this.sequence === 0;
  }

  get attempts(): undefined {
    return undefined;
  }

  giveUp(outcome: Outcome, reason: ReasonText): void {
    this.target.settleEarly(this, outcome, reason);
  }

  /** It waits in a queue, where its time may pass. */
  watch(expiry: Expiry): void {
    if (this.expiry === 0) return;
    this.deadline = new Deadline(() => this.#expire());
    expiry.watch(this.deadline, this.expiry);
  }

  /** It waits no longer. */
  unwatch(): void {
    if (this.deadline === undefined) return;
    withdraw(this.deadline);
    this.deadline = undefined;
  }

  /** What has a sequence must arrive, or leave a gap: then the receiver drops it. */
  #expire(): void {
    if (this.sequence === 0) this.target.settleEarly(this, 'expired', TIME_PASSED);
  }

  /**
   * The one place where a delivery gets its outcome: counted and told once, whatever comes later. Only `delivered` has
   * no reason.
   */
  end(host: SettlementHost, outcome: Outcome, reason: ReasonText | undefined): void {
    if (this.done) return;
    this.done = true;
    if (!this.acknowledged) {
      host.counters.outcomes[outcome]++;
      if (!isSuccess(outcome) && reason !== undefined) host.failures.count(outcome, reason);
      if (SETTLED.hasSubscribers) host.diagnostics.settled(this, outcome, reason);
    }
    const { settlement } = this;
    this.settlement = undefined;
    settlement?.settled(this, outcome, reason);
  }
}

const POOL_LIMIT = 4096;

/** Free `OutMessage` objects of one bus. */
export class OutMessagePool {
  #free: OutMessage | undefined;
  #count = 0;

  take(): OutMessage {
    const message = this.#free;
    if (message === undefined) return new OutMessage();
    this.#free = message.next;
    this.#count--;
    message.next = undefined;
    message.done = false;
    message.sequence = 0;
    message.written = 0;
    message.cost = 0;
    message.acknowledged = false;
    return message;
  }

  give(message: OutMessage): void {
    if (message.deadline !== undefined) message.unwatch();
    message.payload = NO_BYTES;
    message.start = 0;
    message.size = 0;
    if (message.lent !== undefined) {
      message.lent.release();
      message.lent = undefined;
    }
    message.headers = undefined;
    message.value = undefined;
    message.byReference = false;
    message.route = undefined;
    message.via = undefined;
    message.carriedBy = undefined;
    message.settlement = undefined;
    if (this.#count >= POOL_LIMIT) return;
    message.next = this.#free;
    this.#free = message;
    this.#count++;
  }
}

/** First in, first out, through the messages' own `next`. */
export class MessageQueue {
  first: OutMessage | undefined;
  #last: OutMessage | undefined;
  length = 0;

  push(message: OutMessage): void {
    message.next = undefined;
    if (this.#last === undefined) this.first = message;
    else this.#last.next = message;
    this.#last = message;
    this.length++;
  }

  shift(): OutMessage | undefined {
    const message = this.first;
    if (message === undefined) return undefined;
    this.first = message.next;
    if (this.first === undefined) this.#last = undefined;
    message.next = undefined;
    this.length--;
    return message;
  }

  /** Takes `message` out, wherever it stands. */
  remove(message: OutMessage): void {
    if (this.first === message) {
      this.shift();
      return;
    }
    let before = this.first;
    while (before !== undefined && before.next !== message) before = before.next;
    if (before === undefined) return;
    before.next = message.next;
    if (this.#last === message) this.#last = before;
    message.next = undefined;
    this.length--;
  }

  /** Puts `messages` before everything else, in their order. */
  prepend(messages: readonly OutMessage[]): void {
    for (let i = messages.length - 1; i >= 0; i--) {
      messages[i].next = this.first;
      this.first = messages[i];
      this.#last ??= messages[i];
      this.length++;
    }
  }

  *[Symbol.iterator](): Generator<OutMessage> {
    for (let message = this.first; message !== undefined; message = message.next) yield message;
  }
}
