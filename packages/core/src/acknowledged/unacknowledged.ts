import { KIND } from '../contract/index.ts';
import type { DeadlineLane, Deadlines, Expirable } from '../deadlines.ts';
import type { Shipment } from '../delivery/outgoing.ts';
import { type Expiry, TIME_PASSED } from '../expiry.ts';
import type { OutMessage, Settlement, Target, UnderWay } from '../link/out-message.ts';
import type { OutTopic } from '../link/out-topic.ts';
import { GROUP_EMPTY, type Outcome, type ReasonText } from '../outcomes.ts';
import type { AckTerms } from './terms.ts';

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
/** Pause after the first failure; doubled by each further one. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;

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
export class Unacknowledged implements Settlement, UnderWay, Expirable {
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
  /** Another delivery of the same message. */
  next: Unacknowledged | undefined;
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
    this.attempts++;
    this.#state = STATE.UNDER_WAY;
    this.#host.transmit(this);
  }

  opened(message: OutMessage): void {
    this.#message = message;
    if (this.topic.group !== undefined) this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
  }

  settled(message: OutMessage, outcome: Outcome, reason: ReasonText | undefined): void {
    // Its receiver was faster than the confirmation, or the caller has given up.
    if (message !== this.#message) return;
    this.#message = undefined;
    this.#host.deadlines.remove(this);
    this.target = message.target;
    this.topic = message.topic;
    this.carriedBy = message.carriedBy;
    this.sequence = message.sequence;
    if (outcome === 'delivered') {
      this.#state = STATE.RECEIVED;
      this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
    } else if (outcome === 'peer-gone') this.retry(reason as ReasonText, 0);
    else if (outcome === 'refused' && this.attempts > 1) this.retry(reason as ReasonText);
    else this.#end(outcome, reason);
  }

  /** Its receiver has processed it. */
  processed(): void {
    this.#end('processed', undefined);
  }

  /** Its receiver, `target`, has not processed it and will not. */
  refused(target: Target, reason: ReasonText, pauseMs: number | undefined): void {
    const current = this.#message?.target ?? this.target;
    if (target !== current || (this.#state !== STATE.UNDER_WAY && this.#state !== STATE.RECEIVED)) return;
    this.#message = undefined;
    this.retry(reason, pauseMs);
  }

  /** An attempt has failed: the next one follows after `pauseMs`, unless it was the last. */
  retry(reason: ReasonText, pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.attempts - 1), LAST_PAUSE_MS)): void {
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
    this.#host.deadlines.remove(this);
    if (this.#host.expiry.hasPassed(this.shipment.expiry)) this.#end('expired', TIME_PASSED);
    else if (this.#host.retarget(this)) this.transmit();
    else if (this.topic.group === undefined) this.#bury(this.#reason);
    else {
      this.#state = STATE.PARKED;
      this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
    }
  }

  expire(): void {
    if (this.#state === STATE.RECEIVED) this.retry(NOT_IN_TIME, 0);
    else if (this.#state === STATE.UNDER_WAY) this.#takeBack();
    else if (this.#state === STATE.PARKED && !this.#host.expiry.hasPassed(this.shipment.expiry))
      this.#bury(GROUP_EMPTY);
    else this.resume();
  }

  /** It waits for a member that is behind or stuck; another one may have room. What is written already stays. */
  #takeBack(): void {
    const message = this.#message as OutMessage;
    if (message.sequence > 0) {
      this.#host.deadlines.add(this, this.terms.ackTimeoutMs);
      return;
    }
    this.#message = undefined;
    message.giveUp('expired', TIME_PASSED);
    this.attempts--;
    this.resume();
  }

  giveUp(outcome: Outcome, reason: ReasonText): void {
    this.#end(outcome, reason);
  }

  #bury(reason: ReasonText): void {
    if (this.#state === STATE.OVER) return;
    this.#host.bury(this, reason);
    this.#end('dead-lettered', reason);
  }

  #end(outcome: Outcome, reason: ReasonText | undefined): void {
    if (this.#state === STATE.OVER) return;
    this.#state = STATE.OVER;
    this.#host.deadlines.remove(this);
    const message = this.#message;
    this.#message = undefined;
    if (message !== undefined) {
      this.target = message.target;
      this.topic = message.topic;
      this.carriedBy = message.carriedBy;
      this.sequence = message.sequence;
      // What no frame bears yet need not be sent any more.
      if (message.sequence === 0) message.giveUp('expired', TIME_PASSED);
    }
    this.#host.ended(this, outcome, reason);
  }
}
