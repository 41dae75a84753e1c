import type { LendingRegion } from './lending-region.ts';
import { generationOffset, MAX_GENERATION, opened, readerOffset, released, slotOffset } from './region-layout.ts';

/** One slot, at the side that lends it: who has it. */
export class LentSlot {
  readonly region: LendingRegion;
  readonly index: number;
  /** Bytes from the start of the region. */
  readonly offset: number;
  /** Nobody has it. */
  free = true;
  /** What those it was exported to were told. */
  generation = 0;
  /** What the slot's header says. */
  #current = 0;
  readonly #readers: number[] = [];
  /** Exported to, not seen to have opened it, and their link broke (L2). */
  readonly #suspects: number[] = [];

  constructor(region: LendingRegion, index: number, slots: number) {
    this.region = region;
    this.index = index;
    this.offset = slotOffset(index, region.slotBytes, slots);
  }

  /** Its owner begins to write. False: somebody has it after all. Only when it is free. */
  take(): boolean {
    this.#current = this.#current === MAX_GENERATION ? 1 : this.#current + 1;
    // L2: sequential; pairs with the load in `BorrowedRegion.open`.
    this.region.words.storeSequential(generationOffset(this.index), this.#current);
    this.free = false;
    for (const reader of this.#suspects.splice(0))
      if (this.#word(reader) === opened(this.generation)) this.#readers.push(reader);
    if (this.#readers.length > 0) return false;
    this.generation = this.#current;
    return true;
  }

  /** `reader` is told of it. */
  exportTo(reader: number): void {
    if (!this.#readers.includes(reader)) this.#readers.push(reader);
  }

  /** Its owner is done with it; true when everybody else is, too: then it is free. */
  settle(): boolean {
    const readers = this.#readers;
    for (let i = readers.length - 1; i >= 0; i--)
      if (this.#word(readers[i]) === released(this.generation)) readers.splice(i, 1);
    this.free = readers.length === 0;
    return this.free;
  }

  /** The link to `reader` broke. True: it has opened the slot and keeps it. */
  lost(reader: number, dead: boolean): boolean {
    const at = this.#readers.indexOf(reader);
    if (at < 0) return false;
    if (!dead && this.#word(reader) === opened(this.generation)) return true;
    this.#readers.splice(at, 1);
    if (!dead) this.#suspects.push(reader);
    return false;
  }

  #word(reader: number): number {
    // L1, L3: sequential; pairs with the stores in `BorrowedRegion`.
    return this.region.words.loadSequential(readerOffset(this.index, reader));
  }
}
