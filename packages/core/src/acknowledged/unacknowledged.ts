import { KIND } from '../contract/index.ts';
import type { DeadlineLane, Deadlines, Expirable } from '../deadlines.ts';
import type { Shipment } from '../delivery/outgoing.ts';
import { type Expiry, TIME_PASSED } from '../expiry.ts';
import type { Identified } from '../id-table.ts';
import type { OutMessage, Settlement, Target, UnderWay } from '../link/out-message.ts';
import type { OutTopic } from '../link/out-topic.ts';
import { GROUP_EMPTY, type Outcome, type ReasonText } from '../outcomes.ts';
import { type AckTerms, pauseAfter } from './terms.ts';

/** One attempt that failed. */
export interface FailedAttempt {
  /** Instance id of the peer that had the message, or should have had it; the own id for the own bus. */
  readonly peer: string;
  readonly peerName: string;
  readonly reason: string;
}

/** What a delivery needs of the ledger that keeps it. */
export interface UnacknowledgedHost {
  readonly deadlines: Deadlines;
  readonly expiry: Expiry;
  /** Sends it to its `target`; `opened` and `settled` tell what becomes of that. */
  transmit(delivery: Unacknowledged): void;
  /** Gives it the receiver of its next attempt; false: there is none now. */
  retarget(delivery: Unacknowledged): boolean;
  /** A group's message that waits would be given to another member now. */
  wouldMove(message: OutMessage): boolean;
  /** Nobody could process it: it becomes a dead letter. */
  bury(delivery: Unacknowledged, reason: ReasonText): void;
  /** It has its outcome. */
  ended(delivery: Unacknowledged, outcome: Outcome, reason: ReasonText | undefined): void;
}

/** Where a delivery stands. */
const STATE = {
  /** Queued or written, not confirmed by the receiving bus. */
  UNDER_WAY: 0,
  /** With its receiver: a handler works on it, or will. */
  RECEIVED: 1,
  /** Failed, and sent again after a pause. */
  RESTING: 2,
  /** Its group has no member: the next one that joins gets it. */
  PARKED: 3,
  OVER: 4,
} as const;

const NOT_IN_TIME: ReasonText = 'it was not acknowledged in time';

/**
 * One delivery that only its receiver's word settles. Sent, and sent again - marked, to the same peer or to another member
 * of its group - when the handler failed, its time was up, or the peer is gone; after its last attempt a dead letter.
 *
 *              transmit                confirmed                ack
 *   (opened) ------------> UNDER_WAY ------------> RECEIVED --------------> OVER processed
 *                 ^            | peer gone            | nack, timeout, peer gone
 *                 |            v                      v
 *                 +--------- RESTING | PARKED <-------+----- last attempt -> OVER dead-lettered
 */
export class Unacknowledged implements Settlement, UnderWay, Expirable, Identified {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;

  readonly id: number;
  readonly shipment: Shipment;
  readonly terms: AckTerms;
  /** Who is told how it ends. */
  readonly settlement: Settlement | undefined;
  /** Who has it, or gets it next. */
  target: Target;
  topic: OutTopic;
  carriedBy: string | undefined;
  sequence = 0;
  readonly kind = KIND.EVENT;
  readonly size: number;
  readonly priority: number;
  /** How often it was sent. */
  attempts = 0;
  readonly failed: FailedAttempt[] = [];
  nextInBucket: this | undefined;
  readonly #host: UnacknowledgedHost;
  #state: number = STATE.UNDER_WAY;
  #message: OutMessage | undefined;
  #reason: ReasonText = NOT_IN_TIME;

  constructor(
    host: UnacknowledgedHost,
    id: number,
    target: Target,
    topic: OutTopic,
    shipment: Shipment,
    terms: AckTerms,
    settlement: Settlement | undefined,
  ) {
    this.#host = host;
    this.id = id;
    this.target = target;
    this.topic = topic;
    // The caller uses its own again for the next message.
    this.shipment = { ...shipment };
    this.size = shipment.size;
    this.priority = shipment.priority;
    this.terms = terms;
    this.settlement = settlement;
  }

  get isReceived(): boolean {
    return this.#state === STATE.RECEIVED;
  }

  get isParked(): boolean {
    return this.#state === STATE.PARKED;
  }

  /** Sends it for the first time, or again. */
  transmit(): void {
    this.#host.deadlines.remove(this);
    this.attempts++;
    this.#state = STATE.UNDER_WAY;
    this.#host.transmit(this);
  }

  opened(message: OutMessage): void {
    this.#message = message;
    // Its only receiver, the first time: it waits there as long as its caller does.
    if (this.topic.group === undefined && this.attempts === 1) return;
    this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
  }

  settled(message: OutMessage, outcome: Outcome, reason: ReasonText | undefined): void {
    // Its receiver was faster than the confirmation, or the caller has given up.
    if (message !== this.#message) return;
    this.#letGo(message);
    this.#host.deadlines.remove(this);
    if (outcome === 'delivered') {
      this.#state = STATE.RECEIVED;
      this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
    } else if (outcome === 'peer-gone' && this.topic.group !== undefined && message.sequence === 0) this.#notSent();
    else if (outcome === 'peer-gone') this.retry(reason as ReasonText, 0);
    else if (outcome === 'refused' && this.attempts > 1) this.retry(reason as ReasonText);
    else this.#end(outcome, reason);
  }

  /** `by`, who has it or had it, has processed it. */
  processed(by: Target): void {
    this.#end('processed', undefined, by);
  }

  /** The attempt has ended here; what becomes of the message is its own affair. */
  #letGo({ target, topic, carriedBy, sequence }: OutMessage): void {
    this.#message = undefined;
    this.target = target;
    this.topic = topic;
    this.carriedBy = carriedBy ?? this.carriedBy;
    this.sequence = sequence;
  }

  /** Its receiver, `target`, has not processed it and will not. */
  refused(target: Target, reason: ReasonText, pauseMs: number | undefined): void {
    const message = this.#message;
    if (target !== (message ?? this).target) return;
    // What it cannot have seen yet it does not refuse: it speaks of an attempt that is over.
    if (message === undefined ? this.#state !== STATE.RECEIVED : message.sequence === 0) return;
    if (message !== undefined) this.#letGo(message);
    this.retry(reason, pauseMs);
  }

  /** An attempt has failed: the next one follows after `pauseMs`, unless it was the last. */
  retry(reason: ReasonText, pauseMs = pauseAfter(this.attempts)): void {
    const { peer } = this.target;
    this.#host.deadlines.remove(this);
    this.failed.push({ peer: peer.id, peerName: peer.name, reason });
    this.#reason = reason;
    if (this.attempts >= this.terms.maxDeliveries) this.#bury(reason);
    else if (pauseMs > 0) {
      this.#state = STATE.RESTING;
      this.#host.deadlines.add(this, pauseMs);
    } else this.resume();
  }

  /** Sends it again, if there is somebody to send it to. */
  resume(): void {
    if (this.#host.expiry.hasPassed(this.shipment.expiry)) this.#end('expired', TIME_PASSED);
    else if (this.#host.retarget(this)) this.transmit();
    else if (this.topic.group === undefined) this.#bury(this.#reason);
    else if (this.#state !== STATE.PARKED) {
      this.#state = STATE.PARKED;
      this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
    }
  }

  expire(): void {
    if (this.#state === STATE.RECEIVED) this.retry(NOT_IN_TIME, 0);
    else if (this.#state === STATE.UNDER_WAY) this.#waited();
    else if (this.#state === STATE.PARKED) this.#bury(GROUP_EMPTY);
    else this.resume();
  }

  /**
   * It waits for room at one that is behind or stuck. Another member of the group may have some; who has had it before has
   * had its time once more. What is written already stays, and what no other would get, in its turn: there is none, or its
   * order key is there.
   */
  #waited(): void {
    const message = this.#message as OutMessage;
    if (message.sequence > 0 || (this.topic.group !== undefined && !this.#host.wouldMove(message))) {
      this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
      return;
    }
    this.#letGo(message);
    message.giveUp('expired', TIME_PASSED);
    if (this.topic.group === undefined) this.retry(NOT_IN_TIME, 0);
    else this.#notSent();
  }

  /** Nobody has seen anything of it: that was no attempt. */
  #notSent(): void {
    this.attempts--;
    this.resume();
  }

  giveUp(outcome: Outcome, reason: ReasonText): void {
    this.#end(outcome, reason);
  }

  /** What is of no use any more is no dead letter. */
  #bury(reason: ReasonText): void {
    if (this.#host.expiry.hasPassed(this.shipment.expiry)) this.#end('expired', TIME_PASSED);
    else this.#end('dead-lettered', reason);
  }

  #end(outcome: Outcome, reason: ReasonText | undefined, by?: Target): void {
    if (this.#state === STATE.OVER) return;
    this.#state = STATE.OVER;
    this.#host.deadlines.remove(this);
    const message = this.#message;
    if (message !== undefined) {
      this.#letGo(message);
      // What no frame bears yet need not be sent any more.
      if (message.sequence === 0) message.giveUp('expired', TIME_PASSED);
    }
    if (by !== undefined) this.target = by;
    this.#host.ended(this, outcome, reason);
    // What was a dead letter is one again until it is processed, whatever ended it.
    if (outcome === 'dead-lettered' || (this.terms.isRequeued && outcome !== 'processed'))
      this.#host.bury(this, reason as ReasonText);
  }
}
