import { isMainThread } from 'node:worker_threads';
import { BACK_PRESSURED, CLOSED, NOT_CONNECTED, OK, resultName, type Sender } from '@busbar/core/contract';
import { frameLength, type Stream, writeFrame } from './content.ts';
import type { Journal } from './journal.ts';

export interface SendReport {
  /** Frames committed in this call. */
  readonly committed: number;
  /** Times the sender refused for lack of room. */
  readonly refused: number;
  /** What ended the call: OK when all frames were committed. */
  readonly result: string;
}

/** How a medium's own end was told. */
export interface Closing {
  readonly code: string;
  /** Milliseconds of the monotonic clock that all processes share. */
  readonly at: number;
}

/** Frames and bytes after which the event loop gets its turn. */
const SLICE_FRAMES = 64;
const SLICE_BYTES = 262_144;

/** Writes streams into one sender, as fast as it takes them. */
export class Outlet {
  readonly sender: Sender;
  /** Set when the medium closed by itself. */
  closing: Closing | undefined;
  /** Calls of onWritable since `armWritable`. */
  writableCalls = 0;
  readonly #number: number;
  /** The next sequence of each stream. */
  readonly #next: Map<number, number>;
  #resume: (() => void) | undefined;
  #writable: (() => void) | undefined;
  #closed: (() => void) | undefined;
  #stopped = false;

  constructor(sender: Sender, number: number, next: Map<number, number>) {
    this.#next = next;
    this.sender = sender;
    this.#number = number;
    sender.onClose((reason) => {
      this.closing = { code: reason.code, at: Number(process.hrtime.bigint()) / 1e6 };
      this.#resume?.();
      this.#closed?.();
    });
  }

  /** The next `count` frames of the stream. With a journal, each frame is flushed and written down by itself. */
  async send(stream: Stream, count: number, journal?: Journal): Promise<SendReport> {
    const start = this.#next.get(stream.stream) ?? 0;
    let sequence = start;
    let refused = 0;
    let result = OK;
    this.#stopped = false;
    for (let slice = 0, bytes = 0; sequence < start + count && !this.#stopped; ) {
      journal?.writing(sequence);
      result = this.commit(stream, sequence);
      if (result === OK) {
        bytes += frameLength(stream, sequence++);
        if (journal !== undefined) {
          this.sender.flush();
          journal.committed(sequence);
        }
        if (++slice < SLICE_FRAMES && bytes < SLICE_BYTES) continue;
      } else if (result === BACK_PRESSURED || result === NOT_CONNECTED) {
        refused++;
        await this.#room();
        continue;
      } else break;
      slice = 0;
      bytes = 0;
      this.sender.flush();
      await nextTurn();
    }
    this.sender.flush();
    this.#next.set(stream.stream, sequence);
    return { committed: sequence - start, refused, result: resultName(result) };
  }

  /** One frame: claim, write, commit. */
  commit(stream: Stream, sequence: number): number {
    const result = this.sender.tryClaim(frameLength(stream, sequence));
    if (result !== OK) return result;
    writeFrame(this.sender.frame, this.sender.offset, this.#number, stream, sequence);
    this.sender.commit();
    return OK;
  }

  /** Frames until the sender refuses, without waiting for room; the receiver is expected not to read. */
  async fill(stream: Stream, atMost: number): Promise<SendReport> {
    const start = this.#next.get(stream.stream) ?? 0;
    let sequence = start;
    let result = OK;
    // A medium may take in what it has accepted only when the event loop runs: refused twice, turns apart, is full.
    for (let attempt = 0; attempt < FILL_ATTEMPTS && sequence < start + atMost; attempt++) {
      for (result = OK; sequence < start + atMost; sequence++) {
        result = this.commit(stream, sequence);
        if (result !== OK) break;
        attempt = 0;
      }
      if (result === CLOSED) break;
      this.sender.flush();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#next.set(stream.stream, sequence);
    return { committed: sequence - start, refused: 1, result: resultName(result) };
  }

  /** `times` claims that must all be refused; returns by how many bytes the process grew meanwhile. */
  async insist(stream: Stream, times: number): Promise<number> {
    const length = frameLength(stream, this.#next.get(stream.stream) ?? 0);
    const before = bytesInUse();
    for (let i = 0; i < times; i++) {
      if (i % 1_000 === 0) await nextTurn();
      const result = this.sender.tryClaim(length);
      if (result !== BACK_PRESSURED) throw new Error(`claim ${i} of a full sender: ${resultName(result)}`);
    }
    return bytesInUse() - before;
  }

  /** Arms onWritable once and counts its calls from now on. */
  armWritable(): void {
    this.writableCalls = 0;
    this.sender.onWritable(() => {
      this.writableCalls++;
      this.#writable?.();
    });
  }

  /** Resolves with the first call, or after `ms`. */
  untilWritable(ms: number): Promise<void> {
    if (this.writableCalls > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#writable = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** How the medium's own end was told, once it is; undefined when it is not within `ms`. */
  untilClosed(ms: number): Promise<Closing | undefined> {
    if (this.closing !== undefined) return Promise.resolve(this.closing);
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        resolve(this.closing);
      };
      const timer = setTimeout(settle, ms);
      this.#closed = settle;
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#resume?.();
  }

  #room(): Promise<void> {
    this.sender.flush();
    return new Promise((resolve) => {
      this.#resume = resolve;
      this.sender.onWritable(resolve);
      if (this.closing !== undefined || this.#stopped) resolve();
    });
  }
}

const FILL_ATTEMPTS = 10;

/** Resident bytes of a process; of a thread, which shares them, the bytes of its objects. */
function bytesInUse(): number {
  if (isMainThread) return process.memoryUsage.rss();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
