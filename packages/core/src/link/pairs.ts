import type { FrameBuffer } from '../contract/index.ts';

/**
 * Message id of a credit frame that asks: it says what was heard of the accounts it names, and the peer reports them as soon
 * as there is more. What it has reported may have gone with a route, or lie in one that is stuck.
 */
export const CREDIT_QUESTION = 1;
/** Message id of a credit frame about streams, two pairs each: (0, correlation), (1, bytes its consumer has taken in all). */
export const STREAM_CREDIT = 2;

const PAIR_BYTES = 16;
const TWO_32 = 4_294_967_296;

/** Payload of confirm, credit and skip: u32 key, u32 0, u64 value, repeated. */
export class PairWriter {
  bytes: Uint8Array;
  #words: Uint32Array;
  #at = 0;

  constructor(count: number) {
    this.#words = new Uint32Array((count * PAIR_BYTES) >> 2);
    this.bytes = new Uint8Array(this.#words.buffer);
  }

  /** Begins again with room for `count` pairs; the bytes are reused, so the last ones must be sent by now. */
  reset(count: number): void {
    this.#at = 0;
    if (this.bytes.length === count * PAIR_BYTES) return;
    this.#words = new Uint32Array((count * PAIR_BYTES) >> 2);
    this.bytes = new Uint8Array(this.#words.buffer);
  }

  add(key: number, value: number): void {
    this.#words[this.#at] = key;
    this.#words[this.#at + 2] = value;
    this.#words[this.#at + 3] = value / TWO_32;
    this.#at += 4;
  }
}

/** Calls `take` for every pair in `[start, end)`; a trailing half pair is ignored. */
export function readPairs(
  buffer: FrameBuffer,
  start: number,
  end: number,
  take: (key: number, value: number) => void,
): void {
  const { i32 } = buffer;
  for (let at = start; at + PAIR_BYTES <= end; at += PAIR_BYTES) {
    const word = at >> 2;
    take(i32[word] >>> 0, (i32[word + 2] >>> 0) + (i32[word + 3] >>> 0) * TWO_32);
  }
}
