import { type LogImage, type Placed, SEGMENT_BYTES } from './log-image.ts';

const HEADER_BYTES = 88;

/** What is left of an image after its damage, and what that proves. */
export class Evidence {
  readonly segments: readonly Buffer[];
  /** Records appended. */
  readonly count: number;
  /** Sequences of those that are not there any more as they were, or whose segment has no header. */
  readonly missing: readonly number[];
  /** No header is damaged; one that is not there at all may never have come to the disk. */
  readonly headersAreWhole: boolean;
  readonly #survivors: readonly Placed[];
  /** Of segments with a whole header: sequence of the first record, and what it says to be on the disk. */
  readonly #headers: readonly { readonly first: number; readonly synced: number }[];

  constructor(image: LogImage, segments: readonly Buffer[]) {
    this.segments = segments;
    this.count = image.records.length;
    // What a file has not reads as zeros.
    const bytes = segments.map((segment) => Buffer.concat([segment], SEGMENT_BYTES));
    const isWhole = bytes.map((segment, i) => same(segment, image.segments[i], 0, HEADER_BYTES));
    const isBlank = bytes.map((segment) => segment.subarray(0, HEADER_BYTES).every((byte) => byte === 0));
    this.headersAreWhole = isWhole.every((whole, i) => whole || isBlank[i]);
    this.#survivors = image.records.filter(({ segment, offset, bytes: length }) =>
      same(bytes[segment], image.segments[segment], offset, length),
    );
    const left = new Set(this.#survivors.filter(({ segment }) => isWhole[segment]).map(({ sequence }) => sequence));
    this.missing = image.records.map(({ sequence }) => sequence).filter((sequence) => !left.has(sequence));
    this.#headers = image.headers
      .map((synced, i) => ({ first: Number(image.names[i].slice(0, 20)), synced }))
      .filter((_, i) => isWhole[i]);
  }

  /** Sequences of all records that are there as they were, in segments of whatever header. */
  get survivors(): readonly number[] {
    return this.#survivors.map(({ sequence }) => sequence);
  }

  /** Something that was written later says that record `sequence`, which is missing, had been on the disk. */
  isLoss(sequence: number): boolean {
    return (
      this.#survivors.some((one) => one.sequence > sequence && one.synced >= sequence) ||
      this.#headers.some(({ first, synced }) => first > sequence && synced >= sequence)
    );
  }

  get justifiesRefusal(): boolean {
    return !this.headersAreWhole || this.missing.some((sequence) => this.isLoss(sequence));
  }
}

function same(a: Buffer, b: Buffer, offset: number, bytes: number): boolean {
  return a.subarray(offset, offset + bytes).equals(b.subarray(offset, offset + bytes));
}
