import { align8, allocateFrameBuffer, type FrameBuffer, type FrameHandler, type PeerInfo } from '@busbar/core/contract';

/**
 * Frames of one sender, back to back in a private buffer, written and read on one thread.
 *
 * ```
 *   record = | length, pad (8 bytes) | frame, padded to 8 |
 *   buffer = | record | record | … |   a record that does not fit before the end starts again at 0
 * ```
 *
 * The length stands beside the frame, not in it: what the frame itself states is for the receiving bus to judge.
 * An empty ring starts again at 0, so that a receiver that keeps up reads bytes which are still in the cache.
 */
export class FrameRing {
  buffer: FrameBuffer = allocateFrameBuffer(0);
  /** Bytes of records not yet read; at most `limit`, or one larger frame by itself. */
  used = 0;
  readonly #limit: number;
  #head = 0;
  #tail = 0;
  /** Where the records before the wrap end; -1 while no record has wrapped. */
  #wrapAt = -1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that would be accepted now, record words included. */
  get room(): number {
    return Math.max(0, this.#limit - this.used);
  }

  /** True when a writer that waits should try again: half of the room is back. */
  get hasSlack(): boolean {
    return this.used <= this.#limit >> 1;
  }

  /**
   * The offset for a frame of `length` bytes, or -1 when there is no room. Nothing changes before `publish`.
   *
   * | allocates                                      | blocks | syscalls | callable from      |
   * | the ring, at first use and for a larger frame | no     | 0        | the owner's thread |
   */
  claim(length: number): number {
    const bytes = RECORD_WORDS_BYTES + align8(length);
    if (this.used === 0) {
      this.#head = 0;
      this.#tail = 0;
      this.#wrapAt = -1;
      if (bytes > this.buffer.u8.length) this.buffer = allocateFrameBuffer(Math.max(bytes, this.#limit));
      return RECORD_WORDS_BYTES;
    }
    if (this.used + bytes > this.#limit) return -1;
    const tail = this.#tail;
    if (this.#wrapAt >= 0) return this.#head - tail >= bytes ? tail + RECORD_WORDS_BYTES : -1;
    if (this.buffer.u8.length - tail >= bytes) return tail + RECORD_WORDS_BYTES;
    return this.#head >= bytes ? RECORD_WORDS_BYTES : -1;
  }

  /** Makes the frame at `offset`, which `claim` gave, readable. */
  publish(offset: number, length: number): void {
    const start = offset - RECORD_WORDS_BYTES;
    if (start < this.#tail) this.#wrapAt = this.#tail;
    const bytes = RECORD_WORDS_BYTES + align8(length);
    this.buffer.i32[start >> 2] = length;
    this.#tail = start + bytes;
    this.used += bytes;
  }

  /**
   * Hands over at most `limit` frames where they lie. A frame's room is free only after its handler returned, so
   * nothing the handler publishes can touch the bytes it reads.
   */
  read(handler: FrameHandler, limit: number, from: PeerInfo): number {
    let handed = 0;
    while (handed < limit && this.used > 0) {
      if (this.#head === this.#wrapAt) {
        this.#head = 0;
        this.#wrapAt = -1;
      }
      const buffer = this.buffer;
      const head = this.#head;
      const length = buffer.i32[head >> 2];
      handler(buffer, head + RECORD_WORDS_BYTES, length, from);
      const bytes = RECORD_WORDS_BYTES + align8(length);
      this.#head = head + bytes;
      this.used -= bytes;
      handed++;
    }
    return handed;
  }
}

/** Bytes before each frame: its length, and 4 that keep frames 8-aligned. */
export const RECORD_WORDS_BYTES = 8;
