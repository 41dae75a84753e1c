/** What became of one stream of numbered messages, as its receiver saw it. */
export interface StreamReport {
  arrived: number;
  /** Numbers below the greatest one seen that never came. */
  missing: number;
  duplicated: number;
  reordered: number;
  corrupt: number;
}

/** Follows the numbers of one stream, which begin at 0. */
export class StreamCheck {
  readonly report: StreamReport = { arrived: 0, missing: 0, duplicated: 0, reordered: 0, corrupt: 0 };
  readonly #absent = new Set<number>();
  #next = 0;

  take(sequence: number, intact: boolean): void {
    const { report } = this;
    report.arrived++;
    if (!intact) report.corrupt++;
    if (sequence < this.#next) {
      if (this.#absent.delete(sequence)) report.reordered++;
      else report.duplicated++;
    } else {
      for (; this.#next < sequence; this.#next++) this.#absent.add(this.#next);
      this.#next++;
    }
    report.missing = this.#absent.size;
  }
}

const HEAD_BYTES = 8;

/** `size` bytes that follow from the round and the sequence. */
export function contentOf(round: number, sequence: number, size: number): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + size);
  const head = new DataView(bytes.buffer);
  head.setUint32(0, round);
  head.setUint32(4, sequence);
  for (let i = HEAD_BYTES; i < bytes.length; i++) bytes[i] = sequence * 31 + i;
  return bytes;
}

/** The round and sequence of bytes that `contentOf` made, and whether the rest is as it was. */
export function readContent(bytes: Uint8Array): { round: number; sequence: number; intact: boolean } {
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const round = head.getUint32(0);
  const sequence = head.getUint32(4);
  let intact = true;
  for (let i = HEAD_BYTES; i < bytes.length; i++) if (bytes[i] !== ((sequence * 31 + i) & 0xff)) intact = false;
  return { round, sequence, intact };
}
