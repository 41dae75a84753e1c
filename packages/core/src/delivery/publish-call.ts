import { BusError, type ErrorCode } from '../contract/index.ts';
import { type DeadlineLane, type Deadlines, type Expirable, withdraw } from '../deadlines.ts';
import type { Settlement, UnderWay } from '../link/out-message.ts';
import { BUS_CLOSED, type Delivery, isSuccess, type Outcome, type Receipt } from '../outcomes.ts';

const REJECTION: Readonly<Record<Exclude<Outcome, 'delivered' | 'processed'>, ErrorCode>> = {
  expired: 'DEADLINE_EXCEEDED',
  refused: 'NO_ROUTE',
  dropped: 'BACK_PRESSURED',
  'peer-gone': 'PEER_GONE',
  'dead-lettered': 'DEAD_LETTERED',
};

/** What a call needs of its bus. */
export interface PublishCallHost {
  readonly deadlines: Deadlines;
  holdProcess(): void;
  releaseProcess(): void;
}

/**
 * One `publish`: gathers its deliveries, settles its promise once all are settled, at the latest at its deadline. It
 * holds the process as long.
 *
 * | allocates                           | blocks | syscalls | callable from    |
 * | itself, a promise, a line a target  | no     | 0        | the bus's thread |
 */
export class PublishCall implements Settlement, Expirable {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;

  readonly promise: Promise<Receipt>;
  #resolve!: (receipt: Receipt) => void;
  #reject!: (error: Error) => void;
  readonly #topic: string;
  readonly #host: PublishCallHost;
  readonly #signal: AbortSignal | undefined;
  /** Only where there is a signal. */
  #onAbort: (() => void) | undefined;
  readonly #open: UnderWay[] = [];
  readonly #deliveries: Delivery[] = [];
  #submitting = true;
  #aborted = false;
  /** One of them succeeded: the promise resolves, whatever the others came to. */
  #succeeded = false;
  /** The first that did not. */
  #failure: Delivery | undefined;
  /** A peer that died may have had one of them. */
  #unknown = false;

  constructor(topic: string, host: PublishCallHost, signal: AbortSignal | undefined) {
    this.#topic = topic;
    this.#host = host;
    this.#signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    host.holdProcess();
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
    this.#host.deadlines.add(this, deadlineMs);
    if (this.#signal !== undefined) this.#listen(this.#signal);
  }

  settled(message: UnderWay, outcome: Outcome, reason: string | undefined): void {
    this.#close(message);
    const delivery = deliveryOf(message, outcome, reason);
    this.#deliveries.push(delivery);
    if (isSuccess(outcome)) this.#succeeded = true;
    else this.#failure ??= delivery;
    if (outcome === 'peer-gone') this.#unknown ||= message.sequence > 0;
    if (this.#open.length === 0 && !this.#submitting) this.#settle();
  }

  /** Mostly it is the only one, and the last. */
  #close(message: UnderWay): void {
    const last = this.#open.pop();
    if (last !== message && last !== undefined) this.#open[this.#open.indexOf(message)] = last;
  }

  expire(): void {
    for (const message of this.#open.slice()) message.giveUp('expired', 'the deadline passed');
  }

  #listen(signal: AbortSignal): void {
    this.#onAbort = () => {
      this.#aborted = true;
      for (const message of this.#open.slice()) message.giveUp('expired', 'aborted by the caller');
    };
    signal.addEventListener('abort', this.#onAbort);
  }

  #settle(): void {
    withdraw(this);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#host.releaseProcess();
    const receipt: Receipt = { deliveries: this.#deliveries };
    if (this.#failure === undefined || this.#succeeded) this.#resolve(receipt);
    else this.#reject(this.#errorOf(this.#failure, receipt));
  }

  #errorOf(failure: Delivery, receipt: Receipt): BusError {
    const outcome = failure.outcome as Exclude<Outcome, 'delivered' | 'processed'>;
    const code = this.#aborted ? 'ABORTED' : failure.reason === BUS_CLOSED ? 'CLOSED' : REJECTION[outcome];
    const count = this.#deliveries.length;
    return new BusError(
      code,
      `none of ${count} ${count === 1 ? 'delivery' : 'deliveries'} succeeded: ${failure.reason}`,
      {
        where: `publish ${this.#topic}`,
        remedy: outcome === 'dead-lettered' ? 'mend what was wrong, and requeue what bus.deadLetters has' : undefined,
        outcome: outcome === 'peer-gone' ? (this.#unknown ? 'unknown' : 'not-sent') : undefined,
        data: receipt,
      },
    );
  }
}

/** Its line of the receipt, without what does not apply. Not by spreading, which is felt: one is made for every target. */
function deliveryOf(message: UnderWay, outcome: Outcome, reason: string | undefined): Delivery {
  const { id, name } = message.target.peer;
  const { group } = message.topic;
  const { attempts } = message;
  const line: { -readonly [K in keyof Delivery]: Delivery[K] } = {
    peer: id,
    peerName: name,
    via: message.carriedBy,
    outcome,
  };
  if (group !== undefined) line.group = group;
  if (attempts !== undefined) line.attempts = attempts;
  if (reason !== undefined) line.reason = reason;
  return line;
}
