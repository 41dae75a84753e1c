import type { CodecTable } from '../codecs/index.ts';
import { BusError, KIND } from '../contract/index.ts';
import type { DeadlineLane, Deadlines, Expirable } from '../deadlines.ts';
import type { Outgoing, Shipment } from '../delivery/outgoing.ts';
import type { IncomingMessage } from '../link/incoming-message.ts';
import type { Link } from '../link/link.ts';
import type { OutMessage, Settlement, Target } from '../link/out-message.ts';
import type { OutTopic } from '../link/out-topic.ts';
import type { Outcome, ReasonText } from '../outcomes.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';
import { remoteError } from './remote-failure.ts';

export interface RequestHost {
  readonly outgoing: Outgoing;
  readonly codecs: CodecTable;
  readonly deadlines: Deadlines;
  /** Tells the own bus that the answer to a request is not wanted any more. */
  cancelled(link: undefined, correlation: number): void;
  /** A promise of the application goes on in this turn. */
  awaitContinuations(): void;
  holdProcess(): void;
  releaseProcess(): void;
}

/** A server of a call: a peer, or this bus. */
export interface Server {
  readonly target: Target;
  readonly account: OutTopic;
  /** Undefined for the own bus. */
  readonly link: Link | undefined;
}

/** One request until its promise settles. */
class PendingRequest implements Settlement, Expirable {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;

  readonly id: number;
  readonly call: string;
  readonly server: Server;
  readonly output: StandardSchema | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly signal: AbortSignal | undefined;
  readonly #requests: Requests;
  /** While the request frame is on its way. */
  message: OutMessage | undefined;
  /** The peer can have seen it. */
  written = false;

  constructor(
    requests: Requests,
    id: number,
    call: string,
    server: Server,
    output: StandardSchema | undefined,
    signal: AbortSignal | undefined,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.#requests = requests;
    this.id = id;
    this.call = call;
    this.server = server;
    this.output = output;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
  }

  opened(message: OutMessage): void {
    this.message = message;
  }

  settled(message: OutMessage, outcome: Outcome, reason: string | undefined): void {
    this.written = message.sequence > 0 || outcome === 'delivered';
    this.message = undefined;
    if (outcome === 'refused' || outcome === 'dropped') {
      this.#requests.fail(this, new BusError('NO_ROUTE', reason ?? outcome, { where: `request ${this.call}` }));
    } else if (outcome === 'peer-gone') this.#requests.peerGone(this);
  }

  expire(): void {
    this.#requests.abandon(
      this,
      'the deadline passed',
      new BusError('DEADLINE_EXCEEDED', 'no answer in time', {
        where: `request ${this.call} to ${this.server.target.peer.name}`,
        remedy: 'raise the deadline, or look at what the handler waits for',
      }),
    );
  }

  readonly onAbort = (): void => {
    this.#requests.abandon(
      this,
      'aborted by the caller',
      new BusError('ABORTED', 'aborted by the caller', { where: `request ${this.call}`, cause: this.signal?.reason }),
    );
  };
}

/** The asking side of calls. */
export class Requests {
  readonly #host: RequestHost;
  readonly #pending = new Map<number, PendingRequest>();

  constructor(host: RequestHost) {
    this.#host = host;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Sends the request and settles with the answer, at the latest after `deadlineMs`. */
  send(
    call: string,
    server: Server,
    shipment: Shipment,
    output: StandardSchema | undefined,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = new PendingRequest(
        this,
        this.#host.outgoing.nextId(),
        call,
        server,
        output,
        signal,
        resolve,
        reject,
      );
      if (this.#pending.size === 0) this.#host.holdProcess();
      this.#pending.set(request.id, request);
      server.account.outstanding++;
      this.#host.deadlines.add(request, deadlineMs);
      signal?.addEventListener('abort', request.onAbort);
      this.#host.outgoing.sendTo(server.target, server.account, KIND.REQUEST, request.id, shipment, request);
    });
  }

  /** A reply or error frame. Late answers (after deadline or abort) are nobody's. */
  answered(message: Pick<IncomingMessage, 'kind' | 'messageId' | 'codec' | 'buffer' | 'start' | 'end'>): void {
    const request = this.#pending.get(message.messageId);
    if (request === undefined) return;
    this.#remove(request);
    this.#host.awaitContinuations();
    try {
      const value = this.#host.codecs.decode(message.codec, message.buffer, message.start, message.end);
      if (message.kind === KIND.ERROR)
        request.reject(remoteError(value, request.call, request.server.target.peer.name));
      else if (request.output === undefined) request.resolve(value);
      else request.resolve(validate(request.output, value, `answer of ${request.call}`));
    } catch (error) {
      request.reject(error as Error);
    }
  }

  /** The link ended: what it had not answered never will. */
  linkEnded(link: Link): void {
    for (const request of this.#pending.values()) if (request.server.link === link) this.peerGone(request);
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
    if (!this.#pending.has(request.id)) return;
    this.#remove(request);
    request.reject(error);
  }

  /** Deadline or abort: takes back what was not sent, tells the server to stop otherwise. */
  abandon(request: PendingRequest, reason: ReasonText, error: BusError): void {
    if (!this.#pending.has(request.id)) return;
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
    for (const request of this.#pending.values()) this.fail(request, error);
  }

  #remove(request: PendingRequest): void {
    this.#pending.delete(request.id);
    request.server.account.outstanding--;
    this.#host.deadlines.remove(request);
    request.signal?.removeEventListener('abort', request.onAbort);
    if (this.#pending.size === 0) this.#host.releaseProcess();
  }
}
