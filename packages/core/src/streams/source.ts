import type { Readable } from 'node:stream';
import { BusError, shown } from '../contract/index.ts';

/** What a stream's handler may return: a generator of either kind, a ReadableStream, a Readable, or anything iterable. */
export type Chunks<Chunk = unknown, Result = unknown> =
  | AsyncIterable<Chunk, Result | undefined>
  | Iterable<Chunk, Result | undefined>;

type Step = IteratorResult<unknown, unknown>;

/** Where the chunks of one stream come from. Asked for one at a time. */
export interface Source {
  /** `next` answers with promises. */
  readonly isAsync: boolean;
  next(): Step | Promise<Step>;
  /** Nobody wants more: ends it as early as it can be ended. Called once; may throw or reject as its maker does. */
  stop(): unknown;
}

/** @throws BusError HANDLER_FAILED for what cannot be iterated. */
export function sourceOf(made: unknown, where: string): Source {
  if (made instanceof ReadableStream) return new WebSource(made);
  const iterable = (made ?? {}) as Partial<AsyncIterable<unknown> & Iterable<unknown> & Readable>;
  if (typeof iterable[Symbol.asyncIterator] === 'function') {
    const iterator = (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    return isReadable(iterable) ? new NodeSource(iterable, iterator) : new AsyncSource(iterator);
  }
  if (typeof made !== 'string' && typeof iterable[Symbol.iterator] === 'function')
    return new SyncSource((iterable as Iterable<unknown>)[Symbol.iterator]());
  throw new BusError('HANDLER_FAILED', `the handler returned ${shown(made)}, which gives no chunks`, {
    where,
    remedy: 'make it a generator, or return an iterable or a readable stream',
  });
}

function isReadable(made: object): made is Readable {
  return (
    typeof (made as Partial<Readable>).destroy === 'function' && typeof (made as Partial<Readable>).pipe === 'function'
  );
}

class AsyncSource implements Source {
  readonly isAsync = true;
  readonly #iterator: AsyncIterator<unknown>;

  constructor(iterator: AsyncIterator<unknown>) {
    this.#iterator = iterator;
  }

  next(): Promise<Step> {
    return this.#iterator.next();
  }

  stop(): unknown {
    return this.#iterator.return?.();
  }
}

class SyncSource implements Source {
  readonly isAsync = false;
  readonly #iterator: Iterator<unknown>;
  #running = false;
  #stopWanted = false;

  constructor(iterator: Iterator<unknown>) {
    this.#iterator = iterator;
  }

  next(): Step {
    this.#running = true;
    let step: Step;
    try {
      step = this.#iterator.next();
    } finally {
      this.#running = false;
    }
    if (this.#stopWanted) this.#iterator.return?.();
    return step;
  }

  /** A generator that cancels its own stream is still running: it is ended at its next yield. */
  stop(): unknown {
    if (!this.#running) return this.#iterator.return?.();
    this.#stopWanted = true;
    return undefined;
  }
}

/** Read by a reader: the stream's own iterator could not be cancelled while it waits for a chunk. */
class WebSource implements Source {
  readonly isAsync = true;
  readonly #reader: ReadableStreamDefaultReader<unknown>;

  constructor(stream: ReadableStream<unknown>) {
    this.#reader = stream.getReader();
  }

  next(): Promise<Step> {
    return this.#reader.read() as Promise<Step>;
  }

  stop(): unknown {
    return this.#reader.cancel();
  }
}

/** Ended by `destroy`: the stream's own iterator could not be ended while it waits for a chunk. */
class NodeSource implements Source {
  readonly isAsync = true;
  readonly #stream: Readable;
  readonly #iterator: AsyncIterator<unknown>;

  constructor(stream: Readable, iterator: AsyncIterator<unknown>) {
    this.#stream = stream;
    this.#iterator = iterator;
  }

  next(): Promise<Step> {
    return this.#iterator.next();
  }

  stop(): unknown {
    return this.#stream.destroy();
  }
}
