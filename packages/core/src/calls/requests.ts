import type { CodecTable } from '../codecs/index.ts';
import { BusError, KIND } from '../contract/index.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Outgoing, Shipment } from '../delivery/outgoing.ts';
import { expiryAt } from '../expiry.ts';
import { IdTable } from '../id-table.ts';
import type { Answer } from '../link/incoming-message.ts';
import type { Link } from '../link/link.ts';
import type { Counters, ReasonText } from '../outcomes.ts';
import { validate } from '../standard-schema.ts';
import { isThenable } from '../thenable.ts';
import { PendingRequest, type RequestEnds, type RequestTerms, type Server } from './pending-request.ts';
import { failureOf, remoteError } from './remote-failure.ts';

export interface RequestHost {
  readonly outgoing: Outgoing;
  readonly codecs: CodecTable;
  readonly deadlines: Deadlines;
  readonly counters: Counters;
  /** Tells the own bus that the answer to a request is not wanted any more. */
  cancelled(link: undefined, correlation: number): void;
  /** A promise of the application goes on in this turn. */
  awaitContinuations(): void;
  /** A report of progress that cannot be read. */
  rejected(error: BusError): void;
  /** `onProgress` threw. */
  handlerFailed(error: BusError): void;
  holdProcess(): void;
  releaseProcess(): void;
}

/** Who has asked many servers, and is told when the bus closes. */
export interface Asker {
  fail(error: BusError): void;
}

/** The asking side of calls. */
export class Requests implements RequestEnds {
  readonly #host: RequestHost;
  readonly #pending = new IdTable<PendingRequest>();
  /** Those that are not over. */
  readonly askers = new Set<Asker>();

  constructor(host: RequestHost) {
    this.#host = host;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Sends the request and settles with the answer, at the latest after its deadline, which travels with it. */
  send(call: string, server: Server, shipment: Shipment, terms: RequestTerms): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.open(call, server, shipment, terms, resolve, reject);
    });
  }

  /** The same for who hears of the answer by call. It may fail before this returns. */
  open(
    call: string,
    server: Server,
    shipment: Shipment,
    terms: RequestTerms,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): PendingRequest {
    const id = this.#host.outgoing.nextId();
    const request = new PendingRequest(this, id, call, server, terms, resolve, reject);
    if (this.#pending.size === 0) this.#host.holdProcess();
    this.#pending.add(request);
    server.account.outstanding++;
    this.#host.deadlines.add(request, terms.deadlineMs);
    shipment.expiry = expiryAt(request.expiresAt);
    request.listen();
    this.#host.outgoing.sendTo(server.target, server.account, KIND.REQUEST, request.id, shipment, request);
    return request;
  }

  /** A reply or error frame. Late answers (after deadline or abort) are nobody's. */
  answered(message: Answer): void {
    const request = this.#pending.get(message.messageId);
    if (request === undefined) return;
    this.#remove(request);
    this.#host.awaitContinuations();
    try {
      const value = this.#host.codecs.decode(message.codec, message.buffer, message.start, message.end);
      if (message.kind === KIND.ERROR)
        request.reject(remoteError(value, request.call, request.server.target.peer.name));
      else if (request.terms.output === undefined) request.resolve(value);
      else request.resolve(validate(request.terms.output, value, `answer of ${request.call}`));
    } catch (error) {
      request.reject(error as Error);
    }
  }

  /** A progress frame. Like a late answer, a late one is nobody's. */
  progressed(message: Answer): void {
    const request = this.#pending.get(message.messageId);
    if (request === undefined) return;
    const { extendMs, onProgress } = request.terms;
    if (extendMs > 0) {
      this.#host.deadlines.remove(request);
      this.#host.deadlines.add(request, extendMs);
    }
    if (onProgress === undefined) return;
    let value: unknown;
    try {
      value = this.#host.codecs.decode(message.codec, message.buffer, message.start, message.end);
    } catch (error) {
      this.#host.counters.invalid++;
      const where = `progress of ${request.call}`;
      this.#host.rejected(new BusError('DECODE_FAILED', (error as Error).message, { where, cause: error }));
      return;
    }
    this.#host.awaitContinuations();
    const failed = (error: unknown): void =>
      this.#host.handlerFailed(
        new BusError('HANDLER_FAILED', failureOf(error).message, {
          where: `onProgress of request ${request.call}`,
          cause: error,
        }),
      );
    try {
      const result = onProgress(value);
      if (isThenable(result)) Promise.resolve(result).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** The link ended: what it had not answered never will. */
  linkEnded(link: Link): void {
    for (const request of this.#pending.all()) if (request.server.link === link) this.peerGone(request);
  }

  peerGone(request: PendingRequest): void {
    const { name } = request.server.target.peer;
    this.fail(
      request,
      new BusError('PEER_GONE', `${name} is gone`, {
        where: `request ${request.call}`,
        outcome: request.written ? 'unknown' : 'not-sent',
        remedy: request.written ? 'it may have acted: ask again only if that is harmless' : 'ask again',
      }),
    );
  }

  fail(request: PendingRequest, error: BusError): void {
    if (!this.#pending.has(request)) return;
    this.#remove(request);
    request.reject(error);
  }

  /** Deadline or abort: takes back what was not sent, tells the server to stop otherwise. */
  abandon(request: PendingRequest, reason: ReasonText, error: BusError): void {
    if (!this.#pending.has(request)) return;
    const message = request.message;
    this.#remove(request);
    const unsent = message !== undefined && message.sequence === 0;
    if (message !== undefined) message.target.settleEarly(message, 'expired', reason);
    const { link } = request.server;
    if (link === undefined) this.#host.cancelled(undefined, request.id);
    else if (!unsent) link.owe(KIND.CANCEL, request.id, new Uint8Array(0));
    request.reject(error);
  }

  /** The bus closes. */
  failAll(error: BusError): void {
    for (const asker of this.askers) asker.fail(error);
    for (const request of this.#pending.all()) this.fail(request, error);
  }

  #remove(request: PendingRequest): void {
    this.#pending.remove(request);
    request.server.account.outstanding--;
    this.#host.deadlines.remove(request);
    request.unlisten();
    if (this.#pending.size === 0) this.#host.releaseProcess();
  }
}
