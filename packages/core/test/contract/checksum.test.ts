import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sealChecksum, verifyChecksum } from '../../src/contract/checksum.ts';
import { encodeFrame } from '../../src/contract/frame.ts';
import type { FrameBuffer } from '../../src/contract/frame-buffer.ts';
import { FLAG, HEADER_BYTES, KIND, WHOLE } from '../../src/contract/frame-layout.ts';

interface Case {
  readonly payload: Uint8Array;
  readonly fragment: boolean;
  readonly expiry: boolean;
  readonly sampled: boolean;
}

/** The sealed frame, its length and flags, and where the checksum word must be: after fragment and expiry. */
function sealed({ payload, fragment, expiry, sampled }: Case) {
  const flags =
    (fragment ? FLAG.FIRST : WHOLE) | FLAG.CHECKSUM | (expiry ? FLAG.EXPIRY : 0) | (sampled ? FLAG.SAMPLED_TIME : 0);
  const word = HEADER_BYTES + (fragment ? 8 : 0) + (expiry ? 8 : 0);
  const bytes = encodeFrame({ kind: KIND.EVENT, flags, payload, total: 1000, expiry: 5, sampledTime: 6 });
  const buffer: FrameBuffer = { u8: bytes, i32: new Int32Array(bytes.buffer), transferable: false };
  const length = word + 8 + (sampled ? 8 : 0) + payload.length;
  sealChecksum(buffer, 0, length, flags);
  return { bytes, buffer, length, flags, word };
}

const cases: fc.Arbitrary<Case> = fc.record({
  payload: fc.uint8Array({ maxLength: 200 }),
  fragment: fc.boolean(),
  expiry: fc.boolean(),
  sampled: fc.boolean(),
});

test('the checksum is the CRC-32 of the frame with its word 0', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const { bytes, buffer, length, flags, word } = sealed(one);
      const cleared = bytes.slice(0, length);
      cleared.fill(0, word, word + 4);
      expect(new DataView(bytes.buffer).getUint32(word, true)).toBe(crc32(cleared));
      expect(verifyChecksum(buffer, 0, length, flags)).toBe(true);
    }),
  );
});

test('any changed byte of the frame is noticed, bytes around it are not looked at', () => {
  fc.assert(
    fc.property(cases, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, place, change) => {
      const { bytes, buffer, length, flags } = sealed(one);
      bytes.fill(0xff, length);
      expect(verifyChecksum(buffer, 0, length, flags)).toBe(true);
      bytes[place % length] ^= change;
      expect(verifyChecksum(buffer, 0, length, flags)).toBe(false);
    }),
  );
});
