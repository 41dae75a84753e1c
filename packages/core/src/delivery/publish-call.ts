import { BusError, type ErrorCode } from '../contract/index.ts';
import type { DeadlineLane, Deadlines, Expirable } from '../deadlines.ts';
import type { Settlement, UnderWay } from '../link/out-message.ts';
import { BUS_CLOSED, type Delivery, isSuccess, type Outcome, type Receipt } from '../outcomes.ts';

const REJECTION: Readonly<Record<Exclude<Outcome, 'delivered' | 'processed'>, ErrorCode>> = {
  expired: 'DEADLINE_EXCEEDED',
  refused: 'NO_ROUTE',
  dropped: 'BACK_PRESSURED',
  'peer-gone': 'PEER_GONE',
  'dead-lettered': 'DEAD_LETTERED',
};

/** One `publish`: gathers its deliveries, settles its promise once all are settled, at the latest at its deadline. */
export class PublishCall implements Settlement, Expirable {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;

  readonly promise: Promise<Receipt>;
  #resolve!: (receipt: Receipt) => void;
  #reject!: (error: Error) => void;
  readonly #topic: string;
  readonly #deadlines: Deadlines;
  readonly #done: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #open: UnderWay[] = [];
  readonly #deliveries: Delivery[] = [];
  #submitting = true;
  #aborted = false;
  /** A peer that died may have had one of them. */
  #unknown = false;

  /** `done` is called once when the promise settles. */
  constructor(topic: string, deadlines: Deadlines, signal: AbortSignal | undefined, done: () => void) {
    this.#topic = topic;
    this.#deadlines = deadlines;
    this.#signal = signal;
    this.#done = done;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  opened(message: UnderWay): void {
    this.#open.push(message);
  }

  /** All messages are submitted: from here on the call settles when they do. */
  submitted(deadlineMs: number): void {
    this.#submitting = false;
    if (this.#open.length === 0) {
      this.#settle();
      return;
    }
    this.#deadlines.add(this, deadlineMs);
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  settled(message: UnderWay, outcome: Outcome, reason: string | undefined): void {
    const at = this.#open.indexOf(message);
    if (at >= 0) this.#open.splice(at, 1);
    const { id, name } = message.target.peer;
    const { group } = message.topic;
    this.#deliveries.push({
      peer: id,
      peerName: name,
      ...(group === undefined ? {} : { group }),
      via: message.carriedBy,
      outcome,
      ...(message.attempts === undefined ? {} : { attempts: message.attempts }),
      ...(reason === undefined ? {} : { reason }),
    });
    if (outcome === 'peer-gone') this.#unknown ||= message.sequence > 0;
    if (this.#open.length === 0 && !this.#submitting) this.#settle();
  }

  expire(): void {
    for (const message of this.#open.slice()) message.giveUp('expired', 'the deadline passed');
  }

  readonly #onAbort = (): void => {
    this.#aborted = true;
    for (const message of this.#open.slice()) message.giveUp('expired', 'aborted by the caller');
  };

  #settle(): void {
    this.#deadlines.remove(this);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#done();
    const receipt: Receipt = { deliveries: this.#deliveries };
    const failure = this.#deliveries.find(({ outcome }) => !isSuccess(outcome));
    if (failure === undefined || this.#deliveries.some(({ outcome }) => isSuccess(outcome))) {
      this.#resolve(receipt);
      return;
    }
    const outcome = failure.outcome as Exclude<Outcome, 'delivered' | 'processed'>;
    const code = this.#aborted ? 'ABORTED' : failure.reason === BUS_CLOSED ? 'CLOSED' : REJECTION[outcome];
    const count = this.#deliveries.length;
    this.#reject(
      new BusError(code, `none of ${count} ${count === 1 ? 'delivery' : 'deliveries'} succeeded: ${failure.reason}`, {
        where: `publish ${this.#topic}`,
        remedy: outcome === 'dead-lettered' ? 'mend what was wrong, and requeue what bus.deadLetters has' : undefined,
        outcome: outcome === 'peer-gone' ? (this.#unknown ? 'unknown' : 'not-sent') : undefined,
        data: receipt,
      }),
    );
  }
}
