import type { Server } from '../calls/pending-request.ts';
import { BusError } from '../contract/index.ts';
import type { DeadlineLane, Expirable } from '../deadlines.ts';
import type { OutMessage, Settlement } from '../link/out-message.ts';
import type { StreamAccount } from '../link/stream-reports.ts';
import type { Outcome } from '../outcomes.ts';
import type { StandardSchema } from '../standard-schema.ts';
import { ChunkQueue } from './chunk-queue.ts';

/**
 * A stream opened at whoever serves it: its chunks, once, in order. What is not read holds the producer up.
 *
 * Leaving a `for await` loop, `return()` and disposing cancel it: the handler's signal fires and its generator is
 * returned. Chunks that have arrived are given before an error is thrown, except for ABORTED and CLOSED.
 */
export interface OpenedStream<Chunk = unknown, Result = unknown> extends AsyncIterableIterator<Chunk, undefined> {
  readonly stream: string;
  /**
   * What the handler returned, once it has; rejects with what the iterator throws, and with ABORTED when the stream was
   * cancelled. Does not read chunks: while some are unread the producer may wait, and so does this. Need not be awaited.
   */
  readonly result: Promise<Result>;
  next(): Promise<IteratorResult<Chunk, undefined>>;
  return(): Promise<IteratorResult<Chunk, undefined>>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What an opened stream needs of the table it stands in. */
export interface OpenedStreamHost {
  /** The consumer has taken a quarter of a window since the last report. */
  report(stream: ActiveStream): void;
  /** Ends it from this side: takes the request back, or tells the serving side to stop. */
  abandon(stream: ActiveStream, error: BusError): void;
  /** The request did not get through. */
  requestFailed(stream: ActiveStream, outcome: Outcome, reason: string | undefined): void;
}

interface Pull {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: BusError): void;
}

/** Credit is reported once a quarter of the window is taken: rarely enough to be cheap, and it never runs dry. */
const REPORT_SHARE = 4;
const DONE: IteratorResult<unknown, undefined> = Object.freeze({ done: true, value: undefined });

/** The opening side of one stream. */
export class ActiveStream implements OpenedStream, StreamAccount, Settlement, Expirable {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;

  readonly id: number;
  readonly stream: string;
  readonly server: Server;
  readonly chunk: StandardSchema | undefined;
  readonly resultSchema: StandardSchema | undefined;
  readonly signal: AbortSignal | undefined;
  readonly result: Promise<unknown>;
  /** While the request is on its way. */
  message: OutMessage | undefined;
  /** The peer can have seen the request. */
  written = false;
  /** Bytes of chunks that came, and that the consumer has taken. */
  received = 0;
  taken = 0;
  reported = 0;
  reportQueued = false;
  readonly window: number;

  readonly #host: OpenedStreamHost;
  readonly #step: number;
  readonly #queue = new ChunkQueue();
  #pulls: Pull[] = [];
  /** No more chunks come; the iterator gives what is queued, then throws `#error` once if there is one. */
  #over = false;
  #error: BusError | undefined;
  #resolveResult!: (value: unknown) => void;
  #rejectResult!: (error: BusError) => void;

  constructor(
    host: OpenedStreamHost,
    id: number,
    name: string,
    server: Server,
    schemas: { readonly chunk: StandardSchema | undefined; readonly result: StandardSchema | undefined } | undefined,
    window: number,
    signal: AbortSignal | undefined,
  ) {
    this.#host = host;
    this.id = id;
    this.stream = name;
    this.server = server;
    this.chunk = schemas?.chunk;
    this.resultSchema = schemas?.result;
    this.window = window;
    this.#step = window / REPORT_SHARE;
    this.signal = signal;
    this.result = new Promise((resolve, reject) => {
      this.#resolveResult = resolve;
      this.#rejectResult = reject;
    });
    // Nobody has to await `result`.
    this.result.catch(() => {});
  }

  /**
   * | allocates                        | blocks | syscalls | callable from    |
   * | a result, and a promise for it   | no     | 0        | the bus's thread |
   */
  next(): Promise<IteratorResult<unknown, undefined>> {
    const queue = this.#queue;
    if (queue.length > 0) {
      const cost = queue.firstCost();
      const value = queue.shift();
      this.#took(cost);
      return Promise.resolve({ done: false, value });
    }
    if (!this.#over) return new Promise((resolve, reject) => this.#pulls.push({ resolve, reject }));
    const error = this.#error;
    if (error === undefined) return Promise.resolve(DONE);
    this.#error = undefined;
    return Promise.reject(error);
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
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
    for (const pull of this.#pulls.splice(0)) pull.resolve(DONE);
    if (!this.#over) this.#host.abandon(this, this.#aborted('the stream was left'));
    this.#queue.clear();
    this.#error = undefined;
  }

  #aborted(what: string, cause?: unknown): BusError {
    return new BusError('ABORTED', what, { where: `open ${this.stream}`, cause });
  }

  /** A chunk for the consumer. True when one was waiting. */
  give(value: unknown, cost: number): boolean {
    const pull = this.#pulls.shift();
    if (pull === undefined) {
      this.#queue.push(value, cost);
      return false;
    }
    this.#took(cost);
    pull.resolve({ done: false, value });
    return true;
  }

  #took(cost: number): void {
    this.taken += cost;
    if (!this.#over && this.taken - this.reported >= this.#step) this.#host.report(this);
  }

  /** The handler has returned `value`. */
  finish(value: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#resolveResult(value);
    for (const pull of this.#pulls.splice(0)) pull.resolve(DONE);
  }

  /** It ends with `error`; what is queued is given first, unless `atOnce`. */
  fail(error: BusError, atOnce = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#rejectResult(error);
    if (atOnce) this.#queue.clear();
    const first = this.#pulls.shift();
    if (first === undefined) this.#error = error;
    else first.reject(error);
    for (const pull of this.#pulls.splice(0)) pull.resolve(DONE);
  }

  opened(message: OutMessage): void {
    this.message = message;
  }

  settled(message: OutMessage, outcome: Outcome, reason: string | undefined): void {
    this.written = message.sequence > 0 || outcome === 'delivered';
    this.message = undefined;
    if (outcome !== 'delivered') this.#host.requestFailed(this, outcome, reason);
  }

  expire(): void {
    this.#host.abandon(
      this,
      new BusError('DEADLINE_EXCEEDED', 'no handler has taken it in time', {
        where: `open ${this.stream} at ${this.server.target.peer.name}`,
        remedy: 'raise the deadline, or the concurrency of who serves it',
      }),
    );
  }

  readonly onAbort = (): void => {
    this.#host.abandon(this, this.#aborted('aborted by the caller', this.signal?.reason));
  };
}
