import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { allocateFrameBuffer } from '@busbar/core/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checksum } from '../src/checksum.ts';
import * as layout from '../src/log-layout.ts';

const source = readFileSync(new URL('../src/log-layout.ts', import.meta.url), 'utf8');

/** The rows of the `index`th table: offset, size, field. */
function table(index: number): [number, number, string][] {
  const [, ...tables] = source.split(/ \* +offset +size +field +meaning\n/);
  const rows = tables[index].split('```')[0].matchAll(/^ \* +(\d+) +(\d+|-) {2}(\w+)/gm);
  return [...rows].map(([, offset, size, name]) => [Number(offset), size === '-' ? 0 : Number(size), name]);
}

const upper = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

test('the header is as its table says', () => {
  const constants = Object.entries(layout).filter(([name]) => name.endsWith('_OFFSET'));
  expect(Object.fromEntries(table(0).map(([offset, , name]) => [`${upper(name)}_OFFSET`, offset]))).toEqual(
    Object.fromEntries(constants),
  );
  const fields = table(0).slice(0, -1);
  for (const [index, [offset, size]] of fields.entries())
    expect(offset + size).toBe(fields[index + 1]?.[0] ?? layout.HEADER_BYTES);
});

test('a record is as its table says', () => {
  const rows = table(1);
  expect(rows).toEqual([
    [0, 4, 'length'],
    [layout.RECORD_CRC, 4, 'crc'],
    [layout.RECORD_SEQUENCE, 8, 'sequence'],
    [layout.RECORD_SYNCED, 8, 'synced'],
    [layout.RECORD_TIME, 8, 'time'],
    [layout.RECORD_HEADER_BYTES, 0, 'frame'],
  ]);
});

test('the checksum is that of zlib, over the seed and the bytes, whichever way it is computed', () => {
  const bytes = fc
    .integer({ min: 0, max: 200 })
    .chain((words) => fc.uint8Array({ minLength: words * 8, maxLength: words * 8 }));
  fc.assert(
    fc.property(fc.integer(), bytes, fc.integer({ min: 0, max: 3 }), (seed, content, before) => {
      const buffer = allocateFrameBuffer(before * 8 + content.length + 8);
      buffer.u8.set(content, before * 8);
      const first = Buffer.alloc(4);
      first.writeInt32LE(seed);
      const expected = crc32(content, crc32(first)) | 0;
      expect(checksum(buffer, before * 8, before * 8 + content.length, seed)).toBe(expected);
    }),
  );
});

test('64-bit numbers come back as they were written', () => {
  const words = new Int32Array(2);
  const bytes = new DataView(words.buffer);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (value) => {
      layout.writeU64(words, 0, value);
      expect(layout.readU64(words, 0)).toBe(value);
      expect(bytes.getBigUint64(0, true)).toBe(BigInt(value));
    }),
  );
});
