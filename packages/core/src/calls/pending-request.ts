import { BusError, isBusError } from '../contract/index.ts';
import type { DeadlineLane, Expirable } from '../deadlines.ts';
import type { Link } from '../link/link.ts';
import type { OutMessage, Settlement, Target } from '../link/out-message.ts';
import type { OutTopic } from '../link/out-topic.ts';
import type { Outcome, ReasonText } from '../outcomes.ts';
import type { StandardSchema } from '../standard-schema.ts';

const ABORTED: ReasonText = 'aborted by the caller';

/** A server of a call: a peer, or this bus. */
export interface Server {
  readonly target: Target;
  readonly account: OutTopic;
  /** Undefined for the own bus. */
  readonly link: Link | undefined;
}

/** What the asking side wants, beside the request itself. */
export interface RequestTerms {
  readonly output: StandardSchema | undefined;
  readonly deadlineMs: number;
  /** ms that a report of progress gives anew; 0: none. */
  readonly extendMs: number;
  readonly onProgress: ((value: unknown) => unknown) | undefined;
  readonly signal: AbortSignal | undefined;
  /** The signal of the request that this one is made for. */
  readonly outer: AbortSignal | undefined;
}

/** What ends a request from its own side. */
export interface RequestEnds {
  fail(request: PendingRequest, error: BusError): void;
  peerGone(request: PendingRequest): void;
  abandon(request: PendingRequest, reason: ReasonText, error: BusError): void;
}

/** One request until its promise settles. */
export class PendingRequest implements Settlement, Expirable {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;

  readonly id: number;
  readonly call: string;
  readonly server: Server;
  readonly terms: RequestTerms;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly #ends: RequestEnds;
  #onAbort: (() => void) | undefined;
  #onOuterAbort: (() => void) | undefined;
  /** While the request frame is on its way. */
  message: OutMessage | undefined;
  /** The peer can have seen it. */
  written = false;

  constructor(
    ends: RequestEnds,
    id: number,
    call: string,
    server: Server,
    terms: RequestTerms,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.#ends = ends;
    this.id = id;
    this.call = call;
    this.server = server;
    this.terms = terms;
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
      this.#ends.fail(this, new BusError('NO_ROUTE', reason ?? outcome, { where: `request ${this.call}` }));
    } else if (outcome === 'peer-gone') this.#ends.peerGone(this);
    else if (outcome === 'expired') this.#ends.fail(this, late(this));
  }

  expire(): void {
    this.#ends.abandon(this, 'the deadline passed', late(this));
  }

  /** Begins to listen to what may give it up; most requests have nothing of the kind. */
  listen(): void {
    const { signal, outer } = this.terms;
    if (signal !== undefined) {
      this.#onAbort = () => {
        const where = `request ${this.call}`;
        const error = new BusError('ABORTED', ABORTED, { where, cause: signal.reason });
        this.#ends.abandon(this, ABORTED, error);
      };
      signal.addEventListener('abort', this.#onAbort);
    }
    if (outer === undefined) return;
    this.#onOuterAbort = () => this.#ends.abandon(this, ABORTED, outerError(outer, `request ${this.call}`));
    outer.addEventListener('abort', this.#onOuterAbort);
  }

  unlisten(): void {
    const { signal, outer } = this.terms;
    if (this.#onAbort !== undefined) signal?.removeEventListener('abort', this.#onAbort);
    if (this.#onOuterAbort !== undefined) outer?.removeEventListener('abort', this.#onOuterAbort);
  }
}

function late({ call, server }: PendingRequest): BusError {
  return new BusError('DEADLINE_EXCEEDED', 'no answer in time', {
    where: `request ${call} to ${server.target.peer.name}`,
    remedy: 'raise the deadline, or look at what the handler waits for',
  });
}

/** Why a request ends with the one it is made for: the deadline they share, or a caller who gave up. */
export function outerError({ reason }: AbortSignal, where: string): BusError {
  const late = isBusError(reason) && reason.code === 'DEADLINE_EXCEEDED';
  return late
    ? new BusError('DEADLINE_EXCEEDED', 'the deadline of the request it is made for has passed', {
        where,
        cause: reason,
      })
    : new BusError('ABORTED', 'the request it is made for was given up', { where, cause: reason });
}
