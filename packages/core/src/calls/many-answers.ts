import { BusError, type PeerInfo } from '../contract/index.ts';
import { Deadline, type Deadlines } from '../deadlines.ts';
import type { Shipment } from '../delivery/outgoing.ts';
import { ABORTED, onGivenUp } from './giving-up.ts';
import type { PendingRequest, RequestTerms, Server } from './pending-request.ts';
import type { Asker, Requests } from './requests.ts';

/** What one of the servers asked has answered, or why it has not. */
export type ServerAnswer<Out = unknown> =
  | { readonly from: PeerInfo; readonly value: Out; readonly error?: undefined }
  | { readonly from: PeerInfo; readonly error: BusError; readonly value?: undefined };

/**
 * The answers of all servers of a call, as they come, once. Leaving a `for await` loop, `return()` and disposing cancel
 * what is still open: the handlers' signals fire.
 */
export interface Answers<Out = unknown> extends AsyncIterableIterator<ServerAnswer<Out>, undefined> {
  next(): Promise<IteratorResult<ServerAnswer<Out>, undefined>>;
  return(): Promise<IteratorResult<ServerAnswer<Out>, undefined>>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** When enough has come, before all have answered. Only values count. */
export interface Enough {
  readonly max: number | undefined;
  /** ms after a value without a further one. */
  readonly quiet: number | undefined;
}

interface Pull {
  resolve(result: IteratorResult<ServerAnswer, undefined>): void;
  reject(error: BusError): void;
}

const DONE: IteratorResult<ServerAnswer, undefined> = Object.freeze({ done: true, value: undefined });

/** One request to many servers: as many requests, one encoded input, and what has come of them. */
export class ManyAnswers implements Answers, Asker {
  readonly #requests: Requests;
  readonly #deadlines: Deadlines;
  readonly #call: string;
  /** Of each request; what gives up all of them is listened to here, once. */
  readonly #terms: RequestTerms;
  readonly #enough: Enough;
  readonly #quiet = new Deadline(() => this.#finish('no further answer came'));
  readonly #unlisten: () => void;
  readonly #asked: PendingRequest[] = [];
  readonly #queue: ServerAnswer[] = [];
  readonly #pulls: Pull[] = [];
  #unanswered = 0;
  #values = 0;
  /** Nothing more comes; the iterator gives what is queued, then throws `#error` once if there is one. */
  #over = false;
  #error: BusError | undefined;

  constructor(
    host: { readonly requests: Requests; readonly deadlines: Deadlines },
    call: string,
    terms: RequestTerms,
    enough: Enough,
  ) {
    this.#requests = host.requests;
    this.#deadlines = host.deadlines;
    this.#call = call;
    this.#terms = { ...terms, signal: undefined, outer: undefined };
    this.#enough = enough;
    this.#requests.askers.add(this);
    this.#unlisten = onGivenUp(terms, this.#where, (error) => this.#givenUp(error));
  }

  get #where(): string {
    return `requestMany ${this.#call}`;
  }

  /** Called once, with at least one server. */
  ask(servers: readonly Server[], shipment: Shipment): void {
    this.#unanswered = servers.length;
    for (const server of servers) {
      const from = server.target.peer;
      const answered = (value: unknown): void => this.#answered({ from, value });
      const failed = (error: Error): void => this.#answered({ from, error: error as BusError });
      this.#asked.push(this.#requests.open(this.#call, server, shipment, this.#terms, answered, failed));
    }
  }

  #answered(answer: ServerAnswer): void {
    this.#unanswered--;
    if (this.#over) return;
    const pull = this.#pulls.shift();
    if (pull === undefined) this.#queue.push(answer);
    else pull.resolve({ done: false, value: answer });
    const { max, quiet } = this.#enough;
    if (answer.error === undefined) {
      this.#values++;
      if (quiet !== undefined) {
        this.#deadlines.remove(this.#quiet);
        this.#deadlines.add(this.#quiet, quiet);
      }
    }
    if (this.#unanswered === 0 || this.#values === max) this.#finish('enough answers have come');
  }

  next(): Promise<IteratorResult<ServerAnswer, undefined>> {
    const value = this.#queue.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (!this.#over) return new Promise((resolve, reject) => this.#pulls.push({ resolve, reject }));
    const error = this.#error;
    if (error === undefined) return Promise.resolve(DONE);
    this.#error = undefined;
    return Promise.reject(error);
  }

  return(): Promise<IteratorResult<ServerAnswer, undefined>> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
    return Promise.resolve();
  }

  #leave(): void {
    this.#finish('the answers are not wanted any more');
    this.#queue.length = 0;
    this.#error = undefined;
  }

  /** Ends it with what has come; who has not answered is told to stop. */
  #finish(why: string): void {
    if (this.#over) return;
    this.#end();
    this.#cancel(new BusError('ABORTED', why, { where: this.#where }));
  }

  #givenUp(error: BusError): void {
    this.fail(error);
    this.#cancel(error);
  }

  /** It ends with `error` at once; what has come and was not read is discarded. */
  fail(error: BusError): void {
    const first = this.#pulls.shift();
    this.#queue.length = 0;
    this.#end();
    if (first === undefined) this.#error = error;
    else first.reject(error);
  }

  #cancel(error: BusError): void {
    if (this.#unanswered > 0) for (const request of this.#asked) this.#requests.abandon(request, ABORTED, error);
  }

  #end(): void {
    this.#over = true;
    this.#requests.askers.delete(this);
    this.#deadlines.remove(this.#quiet);
    this.#unlisten();
    for (const pull of this.#pulls.splice(0)) pull.resolve(DONE);
  }
}
