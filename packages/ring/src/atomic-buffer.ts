/**
 * 32-bit words that two processes share, addressed by byte offset, with the order an algorithm needs in the name of
 * each access. JavaScript's atomics are all sequentially consistent; the names say how little would do, and let a
 * recording or modelled buffer stand in for memory.
 */
export interface AtomicBuffer {
  /** For words that a later release publishes, or nobody else reads. */
  storePlain(offset: number, value: number): void;
  /** Sees everything stored before the release that it reads. */
  loadAcquire(offset: number): number;
  /** Publishes everything stored before. */
  storeRelease(offset: number, value: number): void;
  /** One order of all sequential accesses, the same for both sides. */
  loadSequential(offset: number): number;
  storeSequential(offset: number, value: number): void;
  /** Stores and returns what was there, in one step. */
  exchange(offset: number, value: number): number;
}

/** Words of mapped memory. That `Atomics` on a mapping is atomic between processes was measured: docs/adr/0013. */
export class MappedWords implements AtomicBuffer {
  readonly #words: Int32Array;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  storePlain(offset: number, value: number): void {
    this.#words[offset >> 2] = value;
  }

  loadAcquire(offset: number): number {
    return Atomics.load(this.#words, offset >> 2);
  }

  storeRelease(offset: number, value: number): void {
    Atomics.store(this.#words, offset >> 2, value);
  }

  loadSequential(offset: number): number {
    return Atomics.load(this.#words, offset >> 2);
  }

  storeSequential(offset: number, value: number): void {
    Atomics.store(this.#words, offset >> 2, value);
  }

  exchange(offset: number, value: number): number {
    return Atomics.exchange(this.#words, offset >> 2, value);
  }
}
