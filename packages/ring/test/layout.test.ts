import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as layout from '../src/ring-layout.ts';

interface Field {
  readonly offset: number;
  readonly size: number;
  readonly name: string;
  readonly writtenBy: string;
}

const source = readFileSync(new URL('../src/ring-layout.ts', import.meta.url), 'utf8');
const fields: Field[] = [
  ...source.matchAll(/^ \* +(\d+) +(\d+|-) {2}(\w+) +((?:consumer|producer)(?:, (?:consumer|producer))?) {2}/gm),
].map(([, offset, size, name, writtenBy]) => ({
  offset: Number(offset),
  size: size === '-' ? Number.POSITIVE_INFINITY : Number(size),
  name,
  writtenBy,
}));

test('every offset of the table is a constant, and every constant is in the table', () => {
  const constants = Object.fromEntries(Object.entries(layout).filter(([name]) => name.endsWith('_OFFSET')));
  const upperSnake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  expect(Object.fromEntries(fields.map(({ name, offset }) => [`${upperSnake(name)}_OFFSET`, offset]))).toEqual(
    constants,
  );
});

test('words are aligned, do not overlap, and lie 128 bytes apart where other sides write', () => {
  expect(fields).toHaveLength(10);
  for (const [index, field] of fields.entries()) {
    expect(field.offset % 4).toBe(0);
    const before = fields[index - 1];
    if (before === undefined) continue;
    expect(field.offset).toBeGreaterThanOrEqual(before.offset + before.size);
    const shared = before.writtenBy.split(', ').some((side) => field.writtenBy.includes(side));
    if (!shared) expect(Math.floor(field.offset / 128)).toBeGreaterThan(Math.floor(before.offset / 128));
  }
});

test('a largest frame fits wherever an empty ring stands', () => {
  for (const capacity of [4096, 65_536, 2 ** 30]) {
    const record = layout.RECORD_HEADER_BYTES + layout.maxRingFrame(capacity);
    // The worst place: one step too near to the end.
    expect(record - 8 + record + layout.RECORD_HEADER_BYTES).toBeLessThanOrEqual(capacity);
  }
});
