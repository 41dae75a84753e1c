import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocateFrameBuffer } from '../../src/contract/index.ts';
import { PairWriter, readPairs } from '../../src/link/pairs.ts';

const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.maxSafeNat()), { maxLength: 20 });

test('pairs come back, wherever they lie; a trailing half pair is ignored', () => {
  fc.assert(
    fc.property(pairs, fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 15 }), (list, at, rest) => {
      const writer = new PairWriter(list.length);
      for (const [key, value] of list) writer.add(key, value);
      const buffer = allocateFrameBuffer(at * 8 + writer.bytes.length + 32);
      buffer.u8.fill(0xff);
      buffer.u8.set(writer.bytes, at * 8);
      const read: [number, number][] = [];
      readPairs(buffer, at * 8, at * 8 + writer.bytes.length + rest, (key, value) => read.push([key, value]));
      expect(read).toEqual(list);
    }),
  );
});
