import { DONE, HEADER_BYTES } from '@busbar/core/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameRing } from '../src/frame-ring.ts';

const LIMIT = 1_024;
const FROM = { id: '0'.repeat(16), name: 'a', pid: 1, uid: 0, verified: true };

function write(ring: FrameRing, length: number, mark: number): boolean {
  const offset = ring.claim(length);
  if (offset < 0) return false;
  expect(offset & 7).toBe(0);
  ring.buffer.u8.fill(mark, offset, offset + length);
  ring.publish(offset, length);
  return true;
}

describe('FrameRing', () => {
  test('gives back what was written, in order, whatever the sizes and the turns of writing and reading', () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: HEADER_BYTES, max: 700 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ring = new FrameRing(LIMIT);
        const expected: { length: number; mark: number }[] = [];
        let written = 0;
        const read = (limit: number): void => {
          ring.read(
            (frame, offset, length) => {
              const due = expected.shift();
              expect(length).toBe(due?.length);
              expect(frame.u8.subarray(offset, offset + length).every((byte) => byte === due?.mark)).toBe(true);
              return DONE;
            },
            limit,
            FROM,
          );
        };
        for (const next of steps) {
          if ('read' in next) read(next.read);
          else if (write(ring, next.write, written & 0xff)) {
            expected.push({ length: next.write, mark: written++ & 0xff });
          } else expect(ring.used).toBeGreaterThan(0);
          expect(ring.used).toBeLessThanOrEqual(LIMIT);
        }
        read(Number.POSITIVE_INFINITY);
        expect(expected).toEqual([]);
        expect(ring.used).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('grows for one larger frame when empty, and keeps its limit for all others', () => {
    const ring = new FrameRing(LIMIT);
    expect(write(ring, 10_000, 1)).toBe(true);
    expect(write(ring, HEADER_BYTES, 2)).toBe(false);
    expect(ring.room).toBe(0);
    ring.read(() => DONE, 1, FROM);
    let frames = 0;
    while (write(ring, HEADER_BYTES, 3)) frames++;
    expect(frames).toBe(Math.floor(LIMIT / (HEADER_BYTES + 8)));
  });

  test('a claim that is not published leaves nothing', () => {
    const ring = new FrameRing(LIMIT);
    ring.claim(100);
    expect(ring.used).toBe(0);
    expect(write(ring, 64, 9)).toBe(true);
    ring.claim(200);
    const lengths: number[] = [];
    const note = (_frame: unknown, _offset: number, length: number): typeof DONE => {
      lengths.push(length);
      return DONE;
    };
    ring.read(note, 10, FROM);
    expect(lengths).toEqual([64]);
  });

  test('what a handler publishes does not touch the frame it handles', () => {
    const ring = new FrameRing(LIMIT);
    write(ring, 64, 1);
    const stable = ring.read(
      (frame, offset, length) => {
        while (write(ring, 64, 2));
        expect(frame.u8.subarray(offset, offset + length).every((byte) => byte === 1)).toBe(true);
        return DONE;
      },
      1,
      FROM,
    );
    expect(stable).toBe(1);
  });
});
