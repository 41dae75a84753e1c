import type { CodecTable } from '../codecs/index.ts';
import { KIND } from '../contract/index.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Outgoing, Shipment } from '../delivery/outgoing.ts';
import type { Expiry } from '../expiry.ts';
import { IdTable } from '../id-table.ts';
import type { Answer } from '../link/incoming-message.ts';
import type { Link } from '../link/link.ts';
import type { OutMessage, Settlement, SettlementHost, Target } from '../link/out-message.ts';
import type { OutTopic } from '../link/out-topic.ts';
import { isSuccess, type Outcome, REASONS, type ReasonText } from '../outcomes.ts';
import { SETTLED } from '../stats/channels.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Refusal } from './processing.ts';
import { readIds } from './receipt-ids.ts';
import type { AckTerms } from './terms.ts';
import { Unacknowledged, type UnacknowledgedHost } from './unacknowledged.ts';

export interface LedgerHost extends SettlementHost {
  readonly codecs: CodecTable;
  readonly deadlines: Deadlines;
  readonly expiry: Expiry;
  readonly outgoing: Outgoing;
  readonly deadLetters: DeadLetters;
}

const RESOLVED = Promise.resolve();

/** The sending side of `acknowledged`: every delivery whose receiver has not said yet that it is processed. */
export class Ledger implements UnacknowledgedHost {
  readonly deadlines: Deadlines;
  readonly expiry: Expiry;
  readonly #host: LedgerHost;
  /** By message id, which all deliveries of one message have. */
  readonly #open = new IdTable<Unacknowledged>();
  #isWaking = false;

  constructor(host: LedgerHost) {
    this.#host = host;
    this.deadlines = host.deadlines;
    this.expiry = host.expiry;
  }

  /** Takes a delivery over; it gets its outcome from here. */
  open(
    target: Target,
    topic: OutTopic,
    shipment: Shipment,
    terms: AckTerms,
    id: number,
    settlement: Settlement | undefined,
  ): void {
    const delivery = new Unacknowledged(this, id, target, topic, shipment, terms, settlement);
    this.#open.add(delivery);
    this.#host.counters.targets++;
    settlement?.opened(delivery);
    delivery.transmit();
  }

  transmit(delivery: Unacknowledged): void {
    this.#host.outgoing.transmit(delivery);
  }

  retarget(delivery: Unacknowledged): boolean {
    return this.#host.outgoing.retarget(delivery);
  }

  wouldMove(message: OutMessage): boolean {
    return this.#host.outgoing.wouldMove(message);
  }

  bury(delivery: Unacknowledged, reason: ReasonText): void {
    this.#host.deadLetters.bury(delivery, reason);
  }

  ended(delivery: Unacknowledged, outcome: Outcome, reason: ReasonText | undefined): void {
    this.#open.remove(delivery);
    const { counters, failures, diagnostics } = this.#host;
    counters.outcomes[outcome]++;
    if (!isSuccess(outcome) && reason !== undefined) failures.count(outcome, reason);
    if (SETTLED.hasSubscribers) diagnostics.settled(delivery, outcome, reason);
    delivery.settlement?.settled(delivery, outcome, reason);
  }

  /** A receipt, or a refusal, from one who has been given messages of `group`, or of nobody's. */
  heard(from: Target, group: string | undefined, answer: Answer): void {
    const { kind, messageId, codec, buffer, start, end } = answer;
    if (kind === KIND.RECEIPT) {
      const processed = (delivery: Unacknowledged): void => delivery.processed(from);
      readIds(buffer, start, end, (id) => this.#tell(from, group, id, processed));
      return;
    }
    const { reason, retryIn } = refusalIn(() => this.#host.codecs.decode(codec, buffer, start, end));
    this.#tell(from, group, messageId, (delivery) => delivery.refused(from, reason, retryIn));
  }

  /**
   * Of a group, anybody who ever had it may say that it is processed. More than one is meant where a dead letter was given
   * out while its message was still under way to others.
   */
  #tell(from: Target, group: string | undefined, id: number, word: (delivery: Unacknowledged) => void): void {
    for (let delivery = this.#open.get(id); delivery !== undefined; ) {
      // What is said may end it, and take it out.
      const before = this.#open.before(delivery);
      if (delivery.topic.group === group && (group !== undefined || delivery.target === from)) word(delivery);
      delivery = before;
    }
  }

  /** A peer is gone: what it had and did not process is somebody else's. */
  linkEnded({ outbound }: Link, reason: ReasonText): void {
    for (const delivery of this.#open.all())
      if (delivery.isReceived && delivery.target === outbound) delivery.retry(reason, 0);
  }

  /** A group has a new member: what waits for one is sent when all is said about it. */
  memberJoined(): void {
    if (this.#open.size === 0 || this.#isWaking) return;
    this.#isWaking = true;
    void RESOLVED.then(() => {
      this.#isWaking = false;
      for (const delivery of this.#open.all()) if (delivery.isParked) delivery.resume();
    });
  }

  /** Ends everything that is open. */
  failAll(outcome: Outcome, reason: ReasonText): void {
    for (const delivery of this.#open.all()) delivery.giveUp(outcome, reason);
  }
}

/** What a peer says in a refusal, which may be anything. */
function refusalIn(read: () => unknown): Refusal {
  let said: Partial<Record<keyof Refusal, unknown>> = {};
  try {
    const value = read();
    if (typeof value === 'object' && value !== null) said = value;
  } catch {
    // What cannot be read says nothing; that it refuses is said by the kind of the frame.
  }
  const { reason, retryIn } = said;
  const known = typeof reason === 'string' && REASONS.some((one) => reason === one || reason.startsWith(`${one}: `));
  return {
    reason: known ? (reason as ReasonText) : 'the handler refused it',
    retryIn: typeof retryIn === 'number' && retryIn >= 0 && retryIn <= MAX_PAUSE_MS ? retryIn : undefined,
  };
}

/** The longest pause that a receiver may ask for: a month. */
const MAX_PAUSE_MS = 2_678_400_000;
