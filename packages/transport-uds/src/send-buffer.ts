import type { Buffer } from 'node:buffer';
import type { FrameBuffer } from '@busbar/core/contract';
import type { BufferPool, PooledBuffer } from './buffer-pool.ts';

/**
 * Bytes committed and not yet taken by the kernel, as a circular buffer in pooled memory.
 *
 * The buffer is twice the limit on its content, which makes room a matter of counting alone (invariant R): if
 * `bytes + n <= limit`, there are n contiguous free bytes. Unwrapped, the two free regions sum up to 2 limit - bytes
 * >= limit + n, so the larger holds n <= limit. Wrapping wastes less than one frame, so the wrap point lies above
 * limit, and the free gap, wrap point - bytes, is at least n.
 *
 * Lengths are multiples of 8. The reader (the socket) takes regions in order and confirms each by `taken`.
 */
export class SendBuffer {
  /** Committed bytes not yet taken. */
  bytes = 0;
  readonly limit: number;
  readonly #pool: BufferPool;
  #buffer: PooledBuffer | undefined;
  /** The first byte not taken; the end of what is committed; the end of the upper part while wrapped. */
  #head = 0;
  #tail = 0;
  #wrap = 0;
  #wrapped = false;

  /** `pool` must lend buffers of at least `2 * limit` bytes. */
  constructor(limit: number, pool: BufferPool) {
    this.limit = limit;
    this.#pool = pool;
  }

  /** Where to write; defined after `reserve` has succeeded, until all bytes are taken. */
  get frame(): FrameBuffer {
    return this.#buffer as PooledBuffer;
  }

  /** The offset of `length` contiguous free bytes, or -1. Any length is accepted while nothing is held. */
  reserve(length: number): number {
    if (this.bytes === 0) {
      const held = this.#buffer;
      if (held === undefined || held.u8.length < length) {
        if (held !== undefined) this.#pool.release(held);
        this.#buffer = this.#pool.acquire(length);
      }
      return 0;
    }
    if (this.bytes + length > this.limit) return -1;
    return this.#tail + length <= this.frame.u8.length ? this.#tail : 0;
  }

  /** Publishes `length` bytes at the `offset` that `reserve` gave. */
  commit(offset: number, length: number): void {
    if (offset < this.#tail) {
      this.#wrap = this.#tail;
      this.#wrapped = true;
    }
    this.#tail = offset + length;
    this.bytes += length;
  }

  /** The contiguous bytes to take next; there are some while `bytes` is not 0. */
  region(): Buffer {
    return (this.#buffer as PooledBuffer).view(this.#head, this.#wrapped ? this.#wrap : this.#tail);
  }

  /** The reader has taken the first `length` bytes of `region`; when nothing is left, the memory goes back. */
  taken(length: number): void {
    this.#head += length;
    this.bytes -= length;
    if (this.bytes === 0) {
      this.#head = 0;
      this.#tail = 0;
      this.#wrapped = false;
      this.#pool.release(this.#buffer as PooledBuffer);
      this.#buffer = undefined;
    } else if (this.#wrapped && this.#head === this.#wrap) {
      this.#head = 0;
      this.#wrapped = false;
    }
  }
}
