import { BusError } from '../contract/index.ts';
import type { DeadlineLane, Expirable } from '../deadlines.ts';
import type { Identified } from '../id-table.ts';
import type { Link } from '../link/link.ts';
import type { OutMessage, Settlement, Target } from '../link/out-message.ts';
import type { OutTopic } from '../link/out-topic.ts';
import type { Outcome, ReasonText } from '../outcomes.ts';
import type { StandardSchema } from '../standard-schema.ts';
import { ABORTED, type GivenUpBy, onGivenUp } from './giving-up.ts';

/** A server of a call: a peer, or this bus. */
export interface Server {
  readonly target: Target;
  readonly account: OutTopic;
  /** Undefined for the own bus. */
  readonly link: Link | undefined;
}

/** What the asking side wants, beside the request itself. */
export interface RequestTerms extends GivenUpBy {
  readonly output: StandardSchema | undefined;
  readonly deadlineMs: number;
  /** ms that a report of progress gives anew; 0: none. */
  readonly extendMs: number;
  readonly onProgress: ((value: unknown) => unknown) | undefined;
}

/** What ends a request from its own side. */
export interface RequestEnds {
  fail(request: PendingRequest, error: BusError): void;
  peerGone(request: PendingRequest): void;
  abandon(request: PendingRequest, reason: ReasonText, error: BusError): void;
}

/** One request until it is answered or fails: `resolve` or `reject` is called once. */
export class PendingRequest implements Settlement, Expirable, Identified {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;
  nextInBucket: this | undefined;

  readonly id: number;
  readonly call: string;
  readonly server: Server;
  readonly terms: RequestTerms;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly #ends: RequestEnds;
  #unlisten: (() => void) | undefined;
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
    if (signal === undefined && outer === undefined) return;
    this.#unlisten = onGivenUp(this.terms, `request ${this.call}`, (error) => this.#ends.abandon(this, ABORTED, error));
  }

  unlisten(): void {
    this.#unlisten?.();
  }
}

function late({ call, server }: PendingRequest): BusError {
  return new BusError('DEADLINE_EXCEEDED', 'no answer in time', {
    where: `request ${call} to ${server.target.peer.name}`,
    remedy: 'raise the deadline, or look at what the handler waits for',
  });
}
