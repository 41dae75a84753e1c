import type { FrameBuffer } from '../contract/index.ts';

/** Ids of one receipt message: a KiB, which is within anybody's limits. */
export const MAX_RECEIPT_IDS = 128;
const ID_BYTES = 8;
const TWO_32 = 4_294_967_296;

/** Payload of a receipt: the ids of processed messages, u64 each. */
export function encodeIds(ids: readonly number[], from: number, to: number): Uint8Array {
  const words = new Uint32Array((to - from) * 2);
  for (let i = from; i < to; i++) {
    const at = (i - from) * 2;
    words[at] = ids[i];
    words[at + 1] = ids[i] / TWO_32;
  }
  return new Uint8Array(words.buffer);
}

/** Calls `take` for every id in `[start, end)`; a trailing piece of one is ignored. */
export function readIds({ i32 }: FrameBuffer, start: number, end: number, take: (id: number) => void): void {
  for (let at = start; at + ID_BYTES <= end; at += ID_BYTES) {
    const word = at >> 2;
    take((i32[word] >>> 0) + (i32[word + 1] >>> 0) * TWO_32);
  }
}
