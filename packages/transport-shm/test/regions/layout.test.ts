import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DESCRIPTOR_BYTES, decodeDescriptor, encodeDescriptor } from '../../src/regions/descriptor.ts';
import * as layout from '../../src/regions/region-layout.ts';

const source = readFileSync(new URL('../../src/regions/region-layout.ts', import.meta.url), 'utf8');
const fields = [...source.matchAll(/^ \* +(\d+) +1 {2}(\w+) +owner/gm)].map(([, offset, name]) => ({
  offset: Number(offset),
  name,
}));

test('every offset of the table is a constant, and every constant is in the table', () => {
  const constants = Object.fromEntries(Object.entries(layout).filter(([name]) => name.endsWith('_OFFSET')));
  const upperSnake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  expect(fields).toHaveLength(6);
  expect(Object.fromEntries(fields.map(({ name, offset }) => [`${upperSnake(name)}_OFFSET`, offset]))).toEqual(
    constants,
  );
});

test('slots take what they are for, on pages of their own, and end with the region', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: layout.MAX_SLOT_BYTES }), (bytes) => {
      const slotBytes = layout.slotBytesFor(bytes);
      expect(slotBytes).toBeGreaterThanOrEqual(bytes);
      expect(slotBytes === layout.MIN_SLOT_BYTES || slotBytes < 2 * bytes).toBe(true);
      const slots = layout.slotsOf(slotBytes);
      const headers = layout.readerOffset(slots - 1, layout.MAX_READERS) + 4;
      for (let slot = 0; slot <= slots; slot++) {
        const offset = layout.slotOffset(slot, slotBytes, slots);
        expect(offset % 4096).toBe(0);
        expect(offset).toBeGreaterThanOrEqual(headers + slot * slotBytes);
      }
      expect(layout.regionBytes(slotBytes, slots)).toBe(layout.slotOffset(slots, slotBytes, slots));
    }),
  );
});

test('the last generation can still be said in a word', () => {
  expect(layout.released(layout.MAX_GENERATION)).toBe(2 ** 31 - 1);
  expect(layout.opened(1)).toBeGreaterThan(0);
});

test('a descriptor is read as it was written, and nothing else is', () => {
  const word = fc.nat(2 ** 31 - 1);
  const descriptor = fc.record({
    region: word,
    memory: word,
    nonce: word,
    bell: word,
    slot: word,
    generation: word,
    reader: word,
    bytes: word,
  });
  fc.assert(
    fc.property(descriptor, (one) => {
      const bytes = Uint8Array.from(encodeDescriptor(one));
      expect(bytes).toHaveLength(DESCRIPTOR_BYTES);
      expect(decodeDescriptor(bytes)).toEqual(one);
      expect(decodeDescriptor(bytes.subarray(1))).toBeUndefined();
    }),
  );
  const negative = Uint8Array.from(encodeDescriptor({ ...zeros, slot: -1 }));
  expect(decodeDescriptor(negative)).toBeUndefined();
});

const zeros = { region: 0, memory: 0, nonce: 0, bell: 0, slot: 0, generation: 0, reader: 0, bytes: 0 };
