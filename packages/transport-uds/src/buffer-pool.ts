import { Buffer } from 'node:buffer';
import { allocateFrameBuffer, type FrameBuffer } from '@busbar/core/contract';

const RETAINED_BUFFERS = 4;

/** Memory for frames that a socket can write from. */
export class PooledBuffer implements FrameBuffer {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly transferable = false;
  #view = Buffer.alloc(0);
  #viewStart = 0;

  constructor(bytes: number) {
    const { u8, i32 } = allocateFrameBuffer(bytes);
    this.u8 = u8;
    this.i32 = i32;
  }

  /** Bytes `[start, end)`, as a socket wants them. Conversations repeat themselves, so the last view is kept: one costs 100 ns. */
  view(start: number, end: number): Buffer {
    if (this.#viewStart !== start || this.#view.length !== end - start) {
      this.#viewStart = start;
      this.#view = Buffer.from(this.u8.buffer as ArrayBuffer, start, end - start);
    }
    return this.#view;
  }
}

/**
 * Buffers of one size, lent to whoever has bytes in hand; the one given back last is lent first, as it is warm.
 * So an idle connection holds no memory, and a busy one writes the same cache lines again and again.
 */
export class BufferPool {
  /** Bytes of a standard buffer. */
  readonly size: number;
  readonly #free: PooledBuffer[] = [];
  /** The last buffer over the standard size: a run of large frames reuses it. */
  #large: PooledBuffer | undefined;

  constructor(size: number) {
    this.size = size;
  }

  /** A buffer of at least `bytes`; its content is undefined. */
  acquire(bytes: number): PooledBuffer {
    if (bytes <= this.size) return this.#free.pop() ?? new PooledBuffer(this.size);
    const large = this.#large;
    if (large === undefined || large.u8.length < bytes) return new PooledBuffer(bytes);
    this.#large = undefined;
    return large;
  }

  release(buffer: PooledBuffer): void {
    if (buffer.u8.length > this.size) this.#large = buffer;
    else if (this.#free.length < RETAINED_BUFFERS) this.#free.push(buffer);
  }
}
