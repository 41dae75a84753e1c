import { expect, test } from 'vitest';
import { encodeIds, readIds } from '../../src/acknowledged/receipt-ids.ts';
import { allocateFrameBuffer } from '../../src/contract/index.ts';

const IDS = [1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];

/** The ids read from `bytes`, which begin at the third word of a buffer, `cut` of them left out. */
function read(bytes: Uint8Array, cut = 0): number[] {
  const buffer = allocateFrameBuffer(16 + bytes.length);
  buffer.u8.set(bytes, 16);
  const ids: number[] = [];
  readIds(buffer, 16, 16 + bytes.length - cut, (id) => ids.push(id));
  return ids;
}

test('every id arrives as it was sent, all 53 bits of it', () => {
  expect(read(encodeIds(IDS, 0, IDS.length))).toEqual(IDS);
  expect(read(encodeIds(IDS, 1, 4))).toEqual(IDS.slice(1, 4));
});

test('a piece of an id at the end is nothing', () => {
  for (const cut of [1, 4, 7]) expect(read(encodeIds(IDS, 0, 2), cut)).toEqual([1]);
  expect(read(new Uint8Array(0))).toEqual([]);
});
