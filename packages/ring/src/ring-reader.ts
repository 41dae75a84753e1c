import { align8, copyAligned, type FrameBuffer } from '@busbar/core/contract';
import type { AtomicBuffer } from './atomic-buffer.ts';
import {
  ENDED,
  FRAMES_READ_OFFSET,
  HEAD_OFFSET,
  maxRingFrame,
  PADDING,
  RECORD_HEADER_BYTES,
  RECORDS_OFFSET,
  SLEEPING_OFFSET,
  WAITING_OFFSET,
  WANTED_OFFSET,
} from './ring-layout.ts';

/** Answers of `RingReader.next` that are no length. */
export const EMPTY = 0;
export const AT_END = -1;
export const POISONED = -2;

/**
 * The consumer's side of a ring. Frames are copied out before anybody looks at them: the producer may be hostile, and
 * what it says is checked on the way (I6).
 *
 * All methods:
 *
 * | allocates                 | blocks | syscalls | callable from      |
 * | a view, for > 256 bytes   | no     | 0        | the owner's thread |
 */
export class RingReader {
  /** Frames copied out so far. */
  frames = 0;
  readonly #words: AtomicBuffer;
  readonly #memory: FrameBuffer;
  readonly #capacity: number;
  readonly #mask: number;
  readonly #maxFrame: number;
  #head = 0;
  #released = 0;

  /** `memory` is the whole mapping; `words` are the same bytes. */
  constructor(words: AtomicBuffer, memory: FrameBuffer, capacity: number) {
    this.#words = words;
    this.#memory = memory;
    this.#capacity = capacity;
    this.#mask = capacity - 1;
    this.#maxFrame = maxRingFrame(capacity);
  }

  /**
   * Copies the next frame to `into[0, length)` and returns its length; or EMPTY, AT_END or POISONED. `into` holds
   * `maxRingFrame(capacity)` bytes.
   */
  next(into: FrameBuffer): number {
    const words = this.#words;
    let index = this.#head & this.#mask;
    // I1, I2: everything of the record is visible once its length is; pairs with RingWriter.publish.
    let length = words.loadAcquire(RECORDS_OFFSET + index);
    if (length <= 0) {
      if (length === EMPTY) return EMPTY;
      if (length === ENDED) return AT_END;
      // I6: no honest padding begins at 0.
      if (length !== PADDING || index === 0) return POISONED;
      this.#head = (this.#head + this.#capacity - index) | 0;
      index = 0;
      length = words.loadAcquire(RECORDS_OFFSET);
    }
    // I6
    if (length <= 0 || length > this.#maxFrame) return POISONED;
    const bytes = RECORD_HEADER_BYTES + align8(length);
    if (index + bytes > this.#capacity) return POISONED;
    copyAligned(this.#memory, RECORDS_OFFSET + index + RECORD_HEADER_BYTES, into, 0, length);
    this.#head = (this.#head + bytes) | 0;
    this.frames++;
    return length;
  }

  /** Bytes copied out that the producer cannot write again before `release`. */
  get unreleased(): number {
    return (this.#head - this.#released) | 0;
  }

  /** Gives the room of what was copied out back; true when the producer waits for that, and is to be woken. */
  release(): boolean {
    const head = this.#head;
    if (head === this.#released) return false;
    this.#released = head;
    const words = this.#words;
    words.storePlain(FRAMES_READ_OFFSET, this.frames | 0);
    // I2 and I5: room, then the look at `waiting`; pairs with RingWriter.announceWait.
    words.storeSequential(HEAD_OFFSET, head);
    if (words.loadSequential(WAITING_OFFSET) === 0) return false;
    if (((head - words.loadSequential(WANTED_OFFSET)) | 0) < 0) return false;
    return words.exchange(WAITING_OFFSET, 0) !== 0;
  }

  /**
   * True: there is nothing, and the producer will wake this side at its next commit. False: go on reading. A wake-up
   * uses the announcement up, also one that comes late, for what has been read: then announce again.
   */
  announceSleep(): boolean {
    const words = this.#words;
    // I5: pairs with RingWriter.mustWake.
    words.storeSequential(SLEEPING_OFFSET, 1);
    if (!this.hasNext()) return true;
    words.storeSequential(SLEEPING_OFFSET, 0);
    return false;
  }

  /** Reading again by itself: no wake-up is needed. One may be on its way. */
  cancelSleep(): void {
    this.#words.storeSequential(SLEEPING_OFFSET, 0);
  }

  /** True when `next` has something to say. */
  hasNext(): boolean {
    // I5: after the word that announces sleep, where there is one.
    return this.#words.loadSequential(RECORDS_OFFSET + (this.#head & this.#mask)) !== EMPTY;
  }
}
