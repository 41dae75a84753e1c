import { allocateFrameBuffer, type FrameBuffer } from '@busbar/core/contract';

const RETAINED_BUFFERS = 4;

/**
 * Buffers of one size, lent to whoever has bytes in hand; the one given back last is lent first, as it is warm.
 * So an idle connection holds no memory, and a busy one writes the same cache lines again and again.
 */
export class BufferPool {
  /** Bytes of a standard buffer. */
  readonly size: number;
  readonly #free: FrameBuffer[] = [];
  /** The last buffer over the standard size: a run of large frames reuses it. */
  #large: FrameBuffer | undefined;

  constructor(size: number) {
    this.size = size;
  }

  /** A buffer of at least `bytes`; its content is undefined. */
  acquire(bytes: number): FrameBuffer {
    if (bytes <= this.size) return this.#free.pop() ?? allocateFrameBuffer(this.size);
    const large = this.#large;
    if (large === undefined || large.u8.length < bytes) return allocateFrameBuffer(bytes);
    this.#large = undefined;
    return large;
  }

  release(buffer: FrameBuffer): void {
    if (buffer.u8.length > this.size) this.#large = buffer;
    else if (this.#free.length < RETAINED_BUFFERS) this.#free.push(buffer);
  }
}
