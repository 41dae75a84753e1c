import type { CodecTable } from '../codecs/index.ts';
import { type BusError, KIND, type PeerInfo } from '../contract/index.ts';
import type { CreditAccount, CreditHold } from '../credit.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Encoder } from '../delivery/encoder.ts';
import type { LocalTarget } from '../delivery/local-target.ts';
import type { Outgoing, Shipment } from '../delivery/outgoing.ts';
import type { Expiry } from '../expiry.ts';
import type { Interest } from '../interest/interest.ts';
import type { IncomingMessage } from '../link/incoming-message.ts';
import type { Link } from '../link/link.ts';
import type { Settlement } from '../link/out-message.ts';
import type { Counters } from '../outcomes.ts';
import { takeOpening } from '../streams/opening-header.ts';
import { takeTerms } from './progress-terms.ts';
import { encodeFailure } from './remote-failure.ts';
import { answerShipment, type Served } from './running.ts';
import type { ServiceBase, ServiceHost } from './service-base.ts';

/** Early cancels that are remembered, per link. */
const MAX_EARLY_CANCELS = 1024;

/** For who takes one for the other. */
const SERVED_AS = {
  call: 'is served as a call: ask with bus.request',
  stream: 'is served as a stream: ask with bus.open',
} as const;

/** What the services of a bus need of it. */
export interface OwnServicesHost {
  readonly counters: Counters;
  readonly codecs: CodecTable;
  readonly encoder: Encoder;
  readonly interest: Interest;
  readonly outgoing: Outgoing;
  readonly local: LocalTarget;
  readonly deadlines: Deadlines;
  readonly expiry: Expiry;
  isExpired(hold: CreditHold): boolean;
  handlerFailed(error: BusError): void;
  awaitContinuations(): void;
  /** `call` is no longer served here. */
  unserved(call: string): void;
}

/** A request on its way to a service: from a peer over `link`, or of the own bus. */
export interface Asked extends Pick<IncomingMessage, 'messageId' | 'codec' | 'priority' | 'buffer' | 'start' | 'end'> {
  readonly link: Link | undefined;
  readonly from: PeerInfo;
  readonly call: string;
  readonly flow: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly expiry: number;
  readonly account: CreditAccount;
  readonly cost: number;
}

/** The answering side of calls and streams: hands requests to this bus's services, and their answers to whoever asked. */
export class OwnServices implements ServiceHost {
  readonly encoder: Encoder;
  readonly expiry: Expiry;
  readonly deadlines: Deadlines;
  readonly #host: OwnServicesHost;
  readonly #byCall = new Map<string, ServiceBase>();
  /** Services until they are closed and their handlers done: those hear cancels, and the bus waits for them. */
  readonly #unretired = new Set<ServiceBase>();
  /** Cancels that came before their request, newest last: a cancel may take a faster road. */
  readonly #earlyCancels = new Map<Link, number[]>();

  constructor(host: OwnServicesHost) {
    this.#host = host;
    this.expiry = host.expiry;
    this.deadlines = host.deadlines;
    this.encoder = host.encoder;
  }

  has(call: string): boolean {
    return this.#byCall.has(call);
  }

  add(service: ServiceBase): void {
    this.#byCall.set(service.call, service);
    this.#unretired.add(service);
  }

  /** Services that take requests, or still answer some. */
  get unretired(): ReadonlySet<ServiceBase> {
    return this.#unretired;
  }

  requested(asked: Asked): void {
    const { link, from, call, messageId: id, priority, flow, expiry, account, cost } = asked;
    this.#host.counters.received++;
    if (this.expiry.hasPassed(expiry)) {
      // The asking side has given up by the same clock: there is nobody to answer.
      this.#wasCancelled(link, id);
      this.#host.counters.expired++;
      account.returned(cost, true);
      return;
    }
    const { window, headers: rest } = takeOpening(asked.headers);
    const { progress, headers } = takeTerms(rest);
    const request = {
      link,
      from,
      id,
      priority,
      flow,
      input: undefined as unknown,
      headers,
      expiry,
      progress,
      window,
    };
    const service = this.#byCall.get(call);
    if (service === undefined || this.#wasCancelled(link, id)) {
      account.returned(cost, true);
      if (service === undefined) this.#refuse(request, call, 'NO_RESPONDERS', `${call} is not served here any more`);
      return;
    }
    const wanted = window > 0 ? 'stream' : 'call';
    if (service.serves !== wanted) {
      account.returned(cost, true);
      this.#refuse(request, call, 'MISUSE', `${call} ${SERVED_AS[service.serves]}`);
      return;
    }
    try {
      request.input = this.#host.codecs.decode(asked.codec, asked.buffer, asked.start, asked.end);
    } catch (error) {
      account.returned(cost, true);
      this.#host.counters.invalid++;
      this.#refuse(request, call, 'DECODE_FAILED', (error as Error).message);
      return;
    }
    service.offer(request, account, cost);
  }

  #refuse(request: Served, call: string, code: string, message: string): void {
    const shipment = answerShipment(request);
    encodeFailure(this.encoder, shipment, { name: 'BusError', code, message }, call);
    this.answer(request, call, KIND.ERROR, shipment);
  }

  isExpired(hold: CreditHold): boolean {
    return this.#host.isExpired(hold);
  }

  answer(request: Served, call: string, kind: number, shipment: Shipment, settlement?: Settlement): void {
    const { outgoing, local, interest } = this.#host;
    const { link } = request;
    const entry = interest.entry(call);
    if (link === undefined) outgoing.sendTo(local, local.topic(entry), kind, request.id, shipment, settlement);
    else if (!link.ended)
      outgoing.sendTo(link.outbound, link.outbound.topic(call, entry.hash), kind, request.id, shipment, settlement);
  }

  /** The asking side gave up. */
  cancelled(link: Link | undefined, correlation: number): void {
    for (const service of this.#unretired) if (service.cancel(link, correlation)) return;
    if (link === undefined) return;
    const early = this.#earlyCancels.get(link);
    if (early === undefined) this.#earlyCancels.set(link, [correlation]);
    else if (early.push(correlation) > MAX_EARLY_CANCELS) early.shift();
  }

  #wasCancelled(link: Link | undefined, id: number): boolean {
    const early = link === undefined ? undefined : this.#earlyCancels.get(link);
    const at = early?.indexOf(id) ?? -1;
    if (at >= 0) early?.splice(at, 1);
    return at >= 0;
  }

  /** The bus is closed, with handlers still at work. */
  giveUpAll(): void {
    for (const service of this.#unretired) service.giveUpAll();
  }

  linkEnded(link: Link): void {
    for (const service of this.#unretired) service.linkEnded(link);
    this.#earlyCancels.delete(link);
  }

  handlerFailed(error: BusError): void {
    this.#host.handlerFailed(error);
  }

  awaitContinuations(): void {
    this.#host.awaitContinuations();
  }

  unserved(service: ServiceBase): void {
    if (this.#byCall.get(service.call) !== service) return;
    this.#byCall.delete(service.call);
    this.#host.unserved(service.call);
  }

  retired(service: ServiceBase): void {
    this.#unretired.delete(service);
  }
}
