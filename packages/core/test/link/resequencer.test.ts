import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocateFrameBuffer } from '../../src/contract/index.ts';
import { Resequencer } from '../../src/link/resequencer.ts';

function hold(resequencer: Resequencer, sequence: number, passable = false): void {
  const frame = allocateFrameBuffer(40);
  frame.u8.fill(sequence);
  resequencer.hold(sequence, frame, 0, 40, 'red', true, passable);
  // What is held is a copy.
  frame.u8.fill(0xff);
}

/** Drives it as the inbound side does, from `next` on; returns what came out. */
function release(resequencer: Resequencer, start: number): { out: number[]; next: number } {
  const out: number[] = [];
  let next = start;
  for (;;) {
    if (resequencer.take(next) !== undefined) out.push(next++);
    else {
      const passed = resequencer.passSkipped(next);
      if (passed === next) return { out, next };
      next = passed;
    }
  }
}

describe('Resequencer', () => {
  test('what is held comes out in order; announced losses are passed, nothing held is', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 25 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(8)), { maxLength: 6 }),
        (held, skips) => {
          const resequencer = new Resequencer();
          for (const sequence of held) hold(resequencer, sequence);
          for (const [from, more] of skips) resequencer.skip(from, from + more);
          const { out, next } = release(resequencer, 1);
          const covered = (n: number) =>
            held.includes(n) || skips.some(([from, more]) => n >= from && n <= from + more);
          let expected = 1;
          while (covered(expected)) expected++;
          expect(next).toBe(expected);
          expect(out).toEqual(held.filter((n) => n < expected).toSorted((a, b) => a - b));
          const ahead = held.some((n) => n >= next) || skips.some(([from, more]) => from + more >= next);
          expect(resequencer.isIdle(next)).toBe(!ahead);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('pieces of one sequence come out together, as they arrived, as copies', () => {
    const resequencer = new Resequencer();
    hold(resequencer, 3);
    hold(resequencer, 3);
    hold(resequencer, 2);
    expect(resequencer.take(3)?.map(({ frame, length, via }) => [frame.u8[39], length, via])).toEqual([
      [3, 40, 'red'],
      [3, 40, 'red'],
    ]);
    expect(resequencer.take(3)).toBeUndefined();
  });

  test('a gap may be passed once a frame is held before which nothing is missing that must come', () => {
    const resequencer = new Resequencer();
    hold(resequencer, 7);
    expect(resequencer.passableTo).toBeUndefined();
    hold(resequencer, 9, true);
    // What is missing before 9 is missing before 7, too.
    expect(resequencer.passableTo).toBe(7);
    hold(resequencer, 5);
    expect(resequencer.passableTo).toBe(5);
    for (const sequence of [5, 7, 9]) resequencer.take(sequence);
    hold(resequencer, 12);
    expect(resequencer.passableTo).toBeUndefined();
  });
});
