import {
  encodeFrame,
  FLAG,
  FRAME_LENGTH_OFFSET,
  type FrameParts,
  HEADER_BYTES,
  KIND,
  WHOLE,
} from '@busbar/core/contract';
import { between, random } from '../random.ts';

const PAYLOAD = Uint8Array.from({ length: 21 }, (_, i) => i * 11);

/** One frame of every form that the layout knows. */
const GOLDEN: readonly Uint8Array[] = (
  [
    { kind: KIND.EVENT },
    { kind: KIND.EVENT, payload: PAYLOAD, topicId: 7, sequence: 1, messageId: 2 },
    { kind: KIND.REQUEST, payload: PAYLOAD, topicName: 'agent.review', headers: PAYLOAD },
    { kind: KIND.CHUNK, payload: PAYLOAD, flags: FLAG.FIRST, total: 100, fragmentOffset: 0 },
    { kind: KIND.EVENT, payload: PAYLOAD, flags: WHOLE | FLAG.EXPIRY | FLAG.CHECKSUM, expiry: 123_456_789 },
    { kind: KIND.EVENT, payload: PAYLOAD, flags: WHOLE | FLAG.ORIGIN, originId: '0123456789abcdef', originName: 'a' },
    { kind: KIND.PING, flags: WHOLE | FLAG.SAMPLED_TIME, sampledTime: 1, priority: 0 },
    { kind: 200, payload: PAYLOAD, sequence: 4_294_967_296 },
  ] satisfies FrameParts[]
).map((parts) => encodeFrame(parts));

/** Lengths that no frame has: none, short of a header, negative, and over every limit. */
const ILLEGAL_LENGTHS = [0, 1, HEADER_BYTES - 1, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff];

const FLIPS = GOLDEN.reduce((sum, frame) => sum + frame.length * 8, 0);
const TRUNCATIONS = GOLDEN.reduce((sum, frame) => sum + frame.length - HEADER_BYTES, 0);

/** Cases that are enumerated: every single-bit flip and every truncation of the golden frames. */
export const ENUMERATED_CASES = FLIPS + TRUNCATIONS;

/**
 * Bytes to be committed as one frame: first the enumerated cases, then random ones - mostly frames that state their
 * own length and are otherwise anything, some that state a length which is wrong or no length at all.
 */
export function garbageCase(seed: number, index: number): Uint8Array {
  if (index < FLIPS) return flip(index);
  if (index < ENUMERATED_CASES) return truncate(index - FLIPS);
  const next = random(seed + Math.imul(index, 0x9e3779b1));
  const bytes = new Uint8Array(between(next, HEADER_BYTES, next() < 0.95 ? 256 : 8_192));
  for (let i = 0; i < bytes.length; i++) bytes[i] = between(next, 0, 255);
  const draw = next();
  if (draw < 0.96) state(bytes, bytes.length);
  else if (draw < 0.98) state(bytes, between(next, HEADER_BYTES, bytes.length + 64));
  else state(bytes, ILLEGAL_LENGTHS[between(next, 0, ILLEGAL_LENGTHS.length - 1)]);
  return bytes;
}

function state(bytes: Uint8Array, length: number): void {
  new DataView(bytes.buffer).setUint32(FRAME_LENGTH_OFFSET, length, true);
}

function flip(index: number): Uint8Array {
  let bit = index;
  for (const frame of GOLDEN) {
    if (bit < frame.length * 8) {
      const bytes = frame.slice();
      bytes[bit >> 3] ^= 1 << (bit & 7);
      return bytes;
    }
    bit -= frame.length * 8;
  }
  throw new RangeError(`no flip ${index}`);
}

function truncate(index: number): Uint8Array {
  let cut = index;
  for (const frame of GOLDEN) {
    if (cut < frame.length - HEADER_BYTES) return frame.slice(0, HEADER_BYTES + cut);
    cut -= frame.length - HEADER_BYTES;
  }
  throw new RangeError(`no truncation ${index}`);
}
