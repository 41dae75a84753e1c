import { allocateFrameBuffer, frameBuffer } from '@busbar/core/contract';
import { createSharedMemory, type SharedMemory } from '@busbar/native';
import { formatRing, MappedWords, maxRingFrame, RingReader, ringBytes } from '@busbar/ring';

export const CAPACITY = 65_536;

/** A ring in memory of its own, and what its reader finds: every word of frame n must be n. Frames begin with 1. */
export class CheckedRing {
  readonly shared: SharedMemory = createSharedMemory('prove', ringBytes(CAPACITY));
  /** Frames whose words are not all alike. */
  corrupt = 0;
  /** Frames that came in another's place. */
  misplaced = 0;
  poisoned = false;
  readonly #reader: RingReader;
  readonly #words: Int32Array;
  readonly #frame = allocateFrameBuffer(maxRingFrame(CAPACITY));

  constructor() {
    const memory = frameBuffer(this.shared.buffer);
    const words = new MappedWords(memory.i32);
    formatRing(words, CAPACITY, 1);
    this.#words = memory.i32;
    this.#reader = new RingReader(words, memory, CAPACITY);
  }

  get frames(): number {
    return this.#reader.frames;
  }

  /** Reads at most `limit` frames; how many. */
  read(limit: number): number {
    const { i32 } = this.#frame;
    let count = 0;
    for (; count < limit; count++) {
      const length = this.#reader.next(this.#frame);
      if (length <= 0) {
        this.poisoned ||= length < 0;
        break;
      }
      const number = i32[0];
      if (number !== this.frames) this.misplaced++;
      for (let word = length >> 2; --word > 0; ) {
        if (i32[word] === number) continue;
        this.corrupt++;
        break;
      }
    }
    this.#reader.release();
    return count;
  }

  /** Words of the frame after the last one read lie in the ring: its writer had begun, and not published it. */
  get unfinished(): boolean {
    return this.#words.includes(this.frames + 1, this.#words.length - CAPACITY / 4);
  }
}
