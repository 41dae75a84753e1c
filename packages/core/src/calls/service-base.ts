import { BusError, type ErrorCode, isBusError, KIND } from '../contract/index.ts';
import { type CreditAccount, CreditHold } from '../credit.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Encoder } from '../delivery/encoder.ts';
import type { Shipment } from '../delivery/outgoing.ts';
import type { Expiry } from '../expiry.ts';
import { IdTable } from '../id-table.ts';
import type { Link } from '../link/link.ts';
import type { Settlement } from '../link/out-message.ts';
import { encodeFailure, failureOf, type RemoteFailure } from './remote-failure.ts';
import { answerShipment, type Running, type RunningHost, type Served } from './running.ts';

/** A served call or stream, until closed. */
export interface Service extends Disposable {
  readonly call: string;
  readonly ready: Promise<void>;
  /** Requests being handled, and waiting for a free handler. */
  readonly active: number;
  readonly queued: number;
  /** Ends it: what waits is answered with NO_RESPONDERS; running handlers go on, hear who gives up, and answer. */
  close(): void;
}

export interface ServiceHost {
  readonly encoder: Encoder;
  readonly expiry: Expiry;
  readonly deadlines: Deadlines;
  /** True when the deadline of what is held has passed; that is counted. */
  isExpired(hold: CreditHold): boolean;
  handlerFailed(error: BusError): void;
  /** A promise of the application goes on in this turn. */
  awaitContinuations(): void;
  /** Sends an answer, or word of progress, to where the request came from. */
  answer(request: Served, call: string, kind: number, shipment: Shipment, settlement?: Settlement): void;
  /** The service is closed: it takes nothing new, its name is free. */
  unserved(service: ServiceBase): void;
  /** The service is closed and none of its handlers runs any more. Called once. */
  retired(service: ServiceBase): void;
}

/** Why a handler's signal fires. */
const GIVEN_UP = ['ABORTED', 'the asking side has given up'] as const;
const GONE = ['PEER_GONE', 'the asking side is gone'] as const;
const OUT_OF_TIME = ['DEADLINE_EXCEEDED', 'the deadline of the request has passed'] as const;
const CLOSED_HERE = ['CLOSED', 'the bus is closed'] as const;

/** Takes the requests for one name, `concurrency` at a time; what is done for each is the subclass's. */
export abstract class ServiceBase implements Service, RunningHost {
  /** What the name stands for here. */
  abstract readonly serves: 'call' | 'stream';
  readonly call: string;
  ready: Promise<void> = Promise.resolve();
  protected readonly host: ServiceHost;
  readonly #concurrency: number;
  readonly #running = new IdTable<Running>();
  #waiting: { request: Served; hold: CreditHold }[] = [];
  /** `#next` is at work further down the stack. */
  #beginning = false;
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(host: ServiceHost, call: string, concurrency: number) {
    this.host = host;
    this.call = call;
    this.#concurrency = concurrency;
  }

  get encoder(): Encoder {
    return this.host.encoder;
  }

  get expiry(): Expiry {
    return this.host.expiry;
  }

  get deadlines(): Deadlines {
    return this.host.deadlines;
  }

  get active(): number {
    return this.#running.size;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  /** Sets a handler to work on a request that has a place. Never throws; ends with `ended` or `failed`. */
  protected abstract run(request: Served): void;

  /** A request arrived; `account` gets its credit back when a handler takes it. */
  offer(request: Served, account: CreditAccount, cost: number): void {
    if (this.#running.size < this.#concurrency) {
      account.returned(cost, true);
      this.run(request);
      return;
    }
    const hold = new CreditHold(account, cost, true, request.expiry);
    this.#waiting.push({ request, hold });
  }

  /** The asking side gave up. True when the request was here. */
  cancel(link: Link | undefined, id: number): boolean {
    for (let running = this.#running.get(id); running !== undefined; running = this.#running.before(running)) {
      if (running.request.link !== link) continue;
      // The word of an asker whose deadline passed may be here before the timer that watches it.
      this.#giveUp(running, running.deadline > 0 ? GIVEN_UP : OUT_OF_TIME);
      return true;
    }
    const at = this.#waiting.findIndex(({ request }) => request.link === link && request.id === id);
    if (at < 0) return false;
    this.#waiting[at].hold.release();
    this.#waiting.splice(at, 1);
    return true;
  }

  /** Everything asked over `link` is given up. */
  linkEnded(link: Link): void {
    // What waits goes first: a place that becomes free is for another link's.
    const given = this.#waiting.filter(({ request }) => request.link === link);
    this.#waiting = this.#waiting.filter(({ request }) => request.link !== link);
    for (const { hold } of given) hold.release();
    for (const running of this.#running.all()) if (running.request.link === link) this.#giveUp(running, GONE);
  }

  /** The bus is closed: nobody hears the answers any more. */
  giveUpAll(): void {
    for (const running of this.#running.all()) this.#giveUp(running, CLOSED_HERE);
  }

  outOfTime(running: Running): void {
    this.#giveUp(running, OUT_OF_TIME);
  }

  answer(request: Served, call: string, kind: number, shipment: Shipment, settlement?: Settlement): void {
    this.host.answer(request, call, kind, shipment, settlement);
  }

  #giveUp(running: Running, [code, what]: readonly [ErrorCode, string]): void {
    running.cancel(new BusError(code, what, { where: `${this.serves} ${this.call}` }));
    this.ended(running);
  }

  /** `running` takes its place. */
  protected begun(running: Running): void {
    this.#running.add(running);
  }

  /** `running` is done, or given up: its place is free. */
  protected ended(running: Running): void {
    if (!this.#running.remove(running)) return;
    this.#retireIfDone();
    this.#next();
  }

  /** Begins what waits while handlers are free. A handler that ends at once comes back to this loop, not into it. */
  #next(): void {
    if (this.#beginning) return;
    this.#beginning = true;
    try {
      while (this.#running.size < this.#concurrency) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) break;
        waiting.hold.release();
        if (!this.host.isExpired(waiting.hold)) this.run(waiting.request);
      }
    } finally {
      this.#beginning = false;
    }
  }

  #retireIfDone(): void {
    if (!this.#closed || this.#running.size > 0) return;
    this.host.retired(this);
    this.#idle?.();
  }

  /** The handler threw, or what it gave cannot be sent: who asked is told, and the bus. */
  protected failed(running: Running, error: unknown): void {
    try {
      if (running.cancelled) return;
      const failure = failureOf(error);
      running.finish();
      this.refuse(running.request, failure);
      this.host.handlerFailed(
        isBusError(error)
          ? error
          : new BusError('HANDLER_FAILED', failure.message, { where: `${this.serves} ${this.call}`, cause: error }),
      );
    } finally {
      this.ended(running);
    }
  }

  protected refuse(request: Served, failure: RemoteFailure): void {
    const shipment = answerShipment(request);
    encodeFailure(this.host.encoder, shipment, failure, `answer of ${this.call}`);
    this.host.answer(request, this.call, KIND.ERROR, shipment);
  }

  /** Takes nothing new, and resolves when the running handlers have answered or were given up. */
  finish(): Promise<void> {
    this.close();
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.host.unserved(this);
    for (const { request, hold } of this.#waiting.splice(0)) {
      hold.release();
      this.refuse(request, {
        name: 'BusError',
        code: 'NO_RESPONDERS',
        message: `${this.call} is no longer served here`,
      });
    }
    this.#retireIfDone();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
