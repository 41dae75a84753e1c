import { allocateFrameBuffer, type FrameBuffer } from '../contract/index.ts';

/** A frame that came before its turn, copied out of the medium. */
export interface HeldFrame {
  readonly frame: FrameBuffer;
  readonly length: number;
  readonly via: string;
  readonly lossless: boolean;
}

/**
 * One flow with a gap: frames that arrived early, by sequence, and ranges the sender announced as lost (`skip`).
 * Exists only while there is something to hold.
 */
export class Resequencer {
  readonly #held = new Map<number, HeldFrame[]>();
  readonly #skipped: { from: number; to: number }[] = [];
  /** The highest sequence held before which nothing is missing that must come. */
  #passable = 0;
  /** Somebody will look whether the gap has closed. */
  watched = false;

  /** `passable`: what is missing before it need not come. */
  hold(
    sequence: number,
    source: FrameBuffer,
    offset: number,
    length: number,
    via: string,
    lossless: boolean,
    passable: boolean,
  ): void {
    const copy = allocateFrameBuffer(length);
    copy.u8.set(source.u8.subarray(offset, offset + length));
    const pieces = this.#held.get(sequence);
    const held = { frame: copy, length, via, lossless };
    if (pieces === undefined) this.#held.set(sequence, [held]);
    else pieces.push(held);
    if (passable && sequence > this.#passable) this.#passable = sequence;
  }

  /** Sequences `from` to `to`, unless held, will not come. Returns how many ranges are known. */
  skip(from: number, to: number): number {
    return this.#skipped.push({ from, to });
  }

  /** The frames held for `sequence`, taken out. */
  take(sequence: number): readonly HeldFrame[] | undefined {
    const pieces = this.#held.get(sequence);
    if (pieces === undefined) return undefined;
    this.#held.delete(sequence);
    return pieces;
  }

  /** Where the flow goes on after announced losses: `next` itself when it is not among them. */
  passSkipped(next: number): number {
    for (const range of this.#skipped) {
      if (next < range.from || next > range.to) continue;
      const held = this.#lowestFrom(next);
      return held !== undefined && held <= range.to ? held : range.to + 1;
    }
    return next;
  }

  /** The lowest sequence held, where nothing is missing before it that must come; else undefined. */
  get passableTo(): number | undefined {
    const lowest = this.#lowestFrom(0);
    return lowest !== undefined && lowest <= this.#passable ? lowest : undefined;
  }

  #lowestFrom(start: number): number | undefined {
    let lowest: number | undefined;
    for (const sequence of this.#held.keys()) {
      if (sequence >= start && (lowest === undefined || sequence < lowest)) lowest = sequence;
    }
    return lowest;
  }

  /** Nothing held and no announced loss ahead of `next`. */
  isIdle(next: number): boolean {
    return this.#held.size === 0 && this.#skipped.every((range) => range.to < next);
  }
}
