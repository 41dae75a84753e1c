import { type BusError, KIND, type PeerInfo } from '../contract/index.ts';
import { Deadline, type Deadlines } from '../deadlines.ts';
import type { Encoder } from '../delivery/encoder.ts';
import type { Shipment } from '../delivery/outgoing.ts';
import type { Expiry } from '../expiry.ts';
import type { Identified } from '../id-table.ts';
import type { Link } from '../link/link.ts';
import { NO_BYTES, ON_FULL, type OutMessage, type Settlement } from '../link/out-message.ts';
import type { Outcome } from '../outcomes.ts';

/** Reports of one request that are written and not confirmed; with more the link is behind. */
const MAX_UNCONFIRMED = 16;

/** What a handler may use beside its input. */
export interface RequestContext {
  readonly from: PeerInfo;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** ms that are left until the asking side gives up, now; 0 when it has. Infinity: it did not say. */
  readonly deadline: number;
  /** Aborted when the asking side gives up or is gone, or the deadline passes; the reason is a BusError. */
  readonly signal: AbortSignal;
  /**
   * Tells the asking side how far it is. Free when nobody there listens, without effect once the request is over. When
   * the link is behind, only the latest report that is not sent yet is kept.
   *
   * @throws BusError NOT_SERIALIZABLE | TOO_LARGE
   */
  readonly progress: (value: unknown) => void;
}

/** One request at the serving side. The origin is a link, or undefined for the own bus. */
export interface Served {
  readonly link: Link | undefined;
  readonly from: PeerInfo;
  readonly id: number;
  readonly priority: number;
  readonly flow: number;
  readonly input: unknown;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** When the asking side gives up; see `Expiry`. */
  readonly expiry: number;
  /** ms by which each report extends that, or 0; undefined: nobody hears reports. */
  readonly progress: number | undefined;
  /** Bytes that may be on the way to who opens a stream; 0 for a call. */
  readonly window: number;
}

/** What a running request needs of its service. */
export interface RunningHost {
  readonly call: string;
  readonly encoder: Encoder;
  readonly expiry: Expiry;
  readonly deadlines: Deadlines;
  answer(request: Served, call: string, kind: number, shipment: Shipment, settlement?: Settlement): void;
  /** The deadline passed while the handler ran. */
  outOfTime(running: Running): void;
}

/** A request that a handler works on: its context, until it is answered or given up. */
export class Running implements RequestContext, Settlement, Identified {
  /** That of the request, which other askers' may have, too. */
  readonly id: number;
  nextInBucket: this | undefined;
  readonly request: Served;
  /** The asking side gave up: its slot is free, the answer is nobody's. */
  cancelled = false;
  readonly #host: RunningHost;
  #expiry: number;
  #over = false;
  #controller: AbortController | undefined;
  #timer: Deadline | undefined;
  #reason: BusError | undefined;
  #unconfirmed = 0;
  /** The last report that was submitted, until it is settled. */
  #last: OutMessage | undefined;
  /** The newest one, for when that is on its way. */
  #latest: Shipment | undefined;

  constructor(host: RunningHost, request: Served) {
    this.#host = host;
    this.id = request.id;
    this.request = request;
    this.#expiry = request.expiry;
  }

  get from(): PeerInfo {
    return this.request.from;
  }

  get headers(): Readonly<Record<string, string>> | undefined {
    return this.request.headers;
  }

  get deadline(): number {
    return this.#host.expiry.left(this.#expiry);
  }

  // Made when asked for, with its timer: most handlers never look.
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.cancelled) this.#controller.abort(this.#reason);
      else if (!this.#over) this.#watch();
    }
    return this.#controller.signal;
  }

  get progress(): (value: unknown) => void {
    return (value) => this.#report(value);
  }

  #watch(): void {
    this.#timer ??= new Deadline(() => this.#host.outOfTime(this));
    this.#host.expiry.watch(this.#timer, this.#expiry);
  }

  #report(value: unknown): void {
    const { request } = this;
    if (this.#over || request.progress === undefined) return;
    const { call, encoder, expiry, deadlines } = this.#host;
    const shipment = answerShipment(request);
    encoder.into(shipment, value, `progress of ${call}`);
    if (request.progress > 0) {
      this.#expiry = expiry.after(request.progress);
      if (this.#timer !== undefined) {
        deadlines.remove(this.#timer);
        this.#watch();
      }
    }
    if (this.#isBehind()) this.#latest = shipment;
    else this.#send(shipment);
  }

  /** An older report is not written yet - the own bus writes nothing - or many are not confirmed. */
  #isBehind(): boolean {
    if (this.#unconfirmed >= MAX_UNCONFIRMED) return true;
    return this.#last?.sequence === 0 && this.request.link !== undefined;
  }

  #send(shipment: Shipment): void {
    this.#latest = undefined;
    this.#host.answer(this.request, this.#host.call, KIND.PROGRESS, shipment, this);
  }

  opened(message: OutMessage): void {
    this.#unconfirmed++;
    this.#last = message;
  }

  settled(message: OutMessage, outcome: Outcome, _reason: string | undefined): void {
    this.#unconfirmed--;
    if (this.#last === message) this.#last = undefined;
    const latest = this.#latest;
    if (latest === undefined) return;
    if (outcome !== 'delivered') this.#latest = undefined;
    else if (!this.#isBehind()) this.#send(latest);
  }

  /** The answer follows: the latest report goes before it. */
  finish(): void {
    if (this.#latest !== undefined) this.#send(this.#latest);
    this.#end();
  }

  /** Nobody waits for the answer any more. */
  cancel(reason: BusError): void {
    this.#reason = reason;
    this.cancelled = true;
    this.#latest = undefined;
    this.#end();
    this.#controller?.abort(reason);
  }

  #end(): void {
    this.#over = true;
    if (this.#timer !== undefined) this.#host.deadlines.remove(this.#timer);
  }
}

/** An answer travels in the priority and flow of its request, reliably. */
export function answerShipment(request: Pick<Served, 'priority' | 'flow'>): Shipment {
  return {
    payload: NO_BYTES,
    start: 0,
    size: 0,
    codec: 0,
    priority: request.priority,
    reliable: true,
    acknowledged: undefined,
    flow: request.flow,
    keyed: false,
    headers: undefined,
    expiry: 0,
    via: undefined,
    onFull: ON_FULL.WAIT,
    lent: undefined,
    value: undefined,
    byReference: false,
  };
}
