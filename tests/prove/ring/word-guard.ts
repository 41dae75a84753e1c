import { type AtomicBuffer, MappedWords } from '@busbar/ring';

/** The words of a ring, with a look at every access: `outside` counts those beyond `bytes`, or between two words. */
export class WordGuard implements AtomicBuffer {
  outside = 0;
  readonly #words: MappedWords;
  readonly #bytes: number;

  constructor(words: Int32Array, bytes: number) {
    this.#words = new MappedWords(words);
    this.#bytes = bytes;
  }

  #look(offset: number): void {
    if (!(offset >= 0 && offset < this.#bytes && offset % 4 === 0)) this.outside++;
  }

  storePlain(offset: number, value: number): void {
    this.#look(offset);
    this.#words.storePlain(offset, value);
  }

  loadAcquire(offset: number): number {
    this.#look(offset);
    return this.#words.loadAcquire(offset);
  }

  storeRelease(offset: number, value: number): void {
    this.#look(offset);
    this.#words.storeRelease(offset, value);
  }

  loadSequential(offset: number): number {
    this.#look(offset);
    return this.#words.loadSequential(offset);
  }

  storeSequential(offset: number, value: number): void {
    this.#look(offset);
    this.#words.storeSequential(offset, value);
  }

  exchange(offset: number, value: number): number {
    this.#look(offset);
    return this.#words.exchange(offset, value);
  }
}
