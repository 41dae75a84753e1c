import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Identified, IdTable } from '../src/id-table.ts';

class Entry implements Identified {
  readonly id: number;
  nextInBucket: this | undefined;

  constructor(id: number) {
    this.id = id;
  }
}

/** Few numbers, so that some meet; some far apart, as those of one bucket are. */
const id = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.nat(200), fc.constantFrom(2 ** 32, 2 ** 32 + 16, 2 ** 53 - 1));
const step = fc.oneof(fc.record({ add: id }), fc.record({ remove: fc.nat(100) }));

test('agrees with a list, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new IdTable<Entry>();
      const list: Entry[] = [];
      for (const one of steps) {
        if ('add' in one) {
          const entry = new Entry(one.add);
          table.add(entry);
          list.unshift(entry);
        } else if (list.length > 0) {
          const [entry] = list.splice(one.remove % list.length, 1);
          expect([table.has(entry), table.remove(entry)]).toEqual([true, true]);
          expect([table.has(entry), table.remove(entry)]).toEqual([false, false]);
        }
        expect(table.size).toBe(list.length);
      }
      expect(new Set(table.all())).toEqual(new Set(list));
      for (const number of new Set(list.map((entry) => entry.id))) {
        const found: Entry[] = [];
        for (let entry = table.get(number); entry !== undefined; entry = table.before(entry)) found.push(entry);
        expect(found).toEqual(list.filter((entry) => entry.id === number));
      }
      expect(table.get(999)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('holds many, and works on when they have gone', () => {
  const table = new IdTable<Entry>();
  for (let round = 0; round < 2; round++) {
    const entries = Array.from({ length: 5000 }, (_, i) => new Entry(i));
    for (const entry of entries) table.add(entry);
    expect(entries.every((entry) => table.get(entry.id) === entry)).toBe(true);
    for (const entry of entries) table.remove(entry);
    expect([table.size, table.all()]).toEqual([0, []]);
  }
});
