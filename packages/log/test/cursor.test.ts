import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { available } from '@busbar/native';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Cursor, WINDOW } from '../src/index.ts';
import { scratch } from './scratch.ts';

let file: string;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

beforeEach(() => {
  file = path.join(scratch(), 'auditor');
});

function open(): Cursor {
  const cursor = Cursor.open(file);
  if (cursor === undefined) throw new Error('somebody else has it');
  onTestFinished(() => cursor.close());
  return cursor;
}

describe('a cursor', () => {
  test('knows what is done, in order or not, and keeps it', () => {
    const cursor = open();
    expect([cursor.floor, cursor.admits(1), cursor.admits(WINDOW), cursor.admits(WINDOW + 1)]).toEqual([
      0,
      true,
      true,
      false,
    ]);
    for (const sequence of [2, 3, 5]) cursor.done(sequence);
    expect(() => cursor.done(WINDOW + 1)).toThrow(expect.objectContaining({ code: 'MISUSE' }));
    expect([cursor.floor, ...[1, 2, 3, 4, 5].map((n) => cursor.isDone(n))]).toEqual([
      0,
      false,
      true,
      true,
      false,
      true,
    ]);
    cursor.commit();
    cursor.close();
    const again = open();
    again.done(1);
    expect([again.floor, again.isDone(4), again.isDone(5)]).toEqual([3, false, true]);
    again.done(4);
    expect([again.floor, again.admits(5 + WINDOW), again.admits(6 + WINDOW)]).toEqual([5, true, false]);
  });

  test('counts attempts, until the record is done', () => {
    const cursor = open();
    expect([cursor.attempt(1), cursor.attempt(1), cursor.attempt(2)]).toEqual([1, 2, 1]);
    cursor.commit();
    cursor.close();
    const again = open();
    expect(again.attempt(1)).toBe(3);
    again.done(1);
    // Its place is another record's now.
    expect(again.attempt(1 + WINDOW)).toBe(1);
    for (let n = 0; n < 300; n++) again.attempt(2);
    expect(again.attempt(2)).toBe(255);
  });

  test('leaps over what there is not, once everything before is done', () => {
    const cursor = open();
    cursor.done(2);
    cursor.leap(3, 2 ** 32);
    expect([cursor.floor, cursor.admits(1), cursor.admits(3), cursor.admits(2 ** 32 + 1)]).toEqual([
      0,
      true,
      false,
      false,
    ]);
    cursor.done(1);
    expect([cursor.floor, cursor.admits(2 ** 32 + 1)]).toEqual([2 ** 32, true]);
    cursor.leap(1, 2 ** 32 - 5);
    expect(cursor.floor).toBe(2 ** 32);
  });

  test('is one consumer’s at a time', () => {
    const cursor = open();
    expect(Cursor.open(file)).toBeUndefined();
    cursor.close();
    cursor.close();
    open();
  });
});

describe('when its writer was stopped in the middle', () => {
  function states(count: number): number[] {
    const cursor = open();
    const floors: number[] = [];
    for (let n = 1; n <= count; n++) {
      cursor.done(n);
      cursor.commit();
      floors.push(cursor.floor);
    }
    cursor.close();
    return floors;
  }

  test('the state before stands, whatever byte was written last', () => {
    states(6);
    const whole = readFileSync(file);
    // The sixth is in the first slot, the fifth in the second.
    for (let at = 0; at < 1176; at += 7) {
      const torn = Buffer.from(whole);
      torn[at] ^= 0x5a;
      writeFileSync(file, torn);
      const cursor = Cursor.open(file);
      expect([at, cursor?.floor]).toEqual([at, 5]);
      cursor?.close();
    }
  });

  test('for the first time: it begins anew', () => {
    states(1);
    const fd = openSync(file, 'r+');
    writeSync(fd, Uint8Array.of(9), 0, 1, 2048 + 20);
    closeSync(fd);
    expect(open().floor).toBe(0);
  });

  test('both states damaged: CORRUPT, with what to do', () => {
    states(2);
    const bytes = readFileSync(file);
    bytes[20] ^= 1;
    bytes[2048 + 20] ^= 1;
    writeFileSync(file, bytes);
    expect(() => Cursor.open(file)).toThrow(expect.objectContaining({ code: 'CORRUPT', where: file }));
    // The lock is free.
    writeFileSync(file, '');
    expect(open().floor).toBe(0);
  });
});

test('whatever is done in whatever order, and however often it is opened again, it says what a set would', () => {
  const step = fc.record({ ahead: fc.integer({ min: 1, max: 40 }), commit: fc.boolean(), reopen: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      writeFileSync(file, '');
      let cursor = Cursor.open(file) as Cursor;
      let done = new Set<number>();
      let kept = new Set<number>();
      const floorOf = (set: Set<number>): number => {
        let floor = 0;
        while (set.has(floor + 1)) floor++;
        return floor;
      };
      for (const { ahead, commit, reopen } of steps) {
        const sequence = floorOf(done) + ahead;
        cursor.done(sequence);
        done.add(sequence);
        if (commit) {
          cursor.commit();
          kept = new Set(done);
        }
        if (reopen) {
          cursor.close();
          cursor = Cursor.open(file) as Cursor;
          done = new Set(kept);
        }
        const floor = floorOf(done);
        expect(cursor.floor).toBe(floor);
        for (let n = floor - 2; n < floor + 45; n++) expect(cursor.isDone(n)).toBe(n <= floor || done.has(n));
      }
      cursor.close();
    }),
  );
});
