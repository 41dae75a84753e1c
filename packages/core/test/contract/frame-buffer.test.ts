import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocateFrameBuffer, copyAligned, frameBuffer } from '../../src/contract/frame-buffer.ts';

test('both views are over the same bytes, on the 8-byte grid', () => {
  const buffer = allocateFrameBuffer(33);
  expect(buffer.u8.length).toBe(40);
  buffer.i32[1] = 0x04030201;
  expect([...buffer.u8.subarray(4, 8)]).toEqual([1, 2, 3, 4]);
  const part = frameBuffer(buffer.u8.buffer, 8, 16);
  part.u8[0] = 9;
  expect([buffer.u8[8], part.u8.length, part.i32.length]).toEqual([9, 16, 4]);
});

test('copyAligned copies the bytes, whatever they are, and at most the pad of the last word besides', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 4 }),
      (bytes, from, to) => {
        const source = allocateFrameBuffer(440);
        const target = allocateFrameBuffer(440);
        source.u8.set(bytes, from * 8);
        target.u8.fill(0xee);
        copyAligned(source, from * 8, target, to * 8, bytes.length);
        expect(target.u8.slice(to * 8, to * 8 + bytes.length)).toEqual(bytes);
        const after = to * 8 + ((bytes.length + 3) & ~3);
        expect(target.u8.subarray(0, to * 8).every((byte) => byte === 0xee)).toBe(true);
        expect(target.u8.subarray(after).every((byte) => byte === 0xee)).toBe(true);
      },
    ),
  );
});
