import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BufferPool } from '../src/buffer-pool.ts';
import { SendBuffer } from '../src/send-buffer.ts';

const LIMIT = 256;

test('room is a matter of counting, and bytes come out as they went in', () => {
  const step = fc.oneof(
    fc.record({ commit: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 64 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const buffer = new SendBuffer(LIMIT, new BufferPool(2 * LIMIT));
      const model: number[] = [];
      let next = 0;
      for (const action of steps) {
        if ('commit' in action) {
          const length = action.commit * 8;
          const offset = buffer.reserve(length);
          expect(offset >= 0).toBe(model.length === 0 || model.length + length <= LIMIT);
          if (offset < 0) continue;
          expect(offset + length).toBeLessThanOrEqual(buffer.frame.u8.length);
          for (let i = 0; i < length; i++) {
            buffer.frame.u8[offset + i] = next & 0xff;
            model.push(next++ & 0xff);
          }
          buffer.commit(offset, length);
        } else if (buffer.bytes > 0) {
          const region = buffer.region();
          const length = Math.min(action.take * 8, region.length);
          expect(length).toBeGreaterThan(0);
          expect([...region.subarray(0, length)]).toEqual(model.splice(0, length));
          buffer.taken(length);
        }
        expect(buffer.bytes).toBe(model.length);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('an empty buffer accepts a frame over its limit and returns to its usual size afterwards', () => {
  const pool = new BufferPool(2 * LIMIT);
  const buffer = new SendBuffer(LIMIT, pool);
  expect(buffer.reserve(4_096)).toBe(0);
  buffer.commit(0, 4_096);
  expect(buffer.reserve(8)).toBe(-1);
  buffer.taken(4_096);
  expect(buffer.reserve(8)).toBe(0);
  expect(buffer.frame.u8.length).toBe(2 * LIMIT);
});

test('an empty buffer holds no memory: the next one writes into the same', () => {
  const pool = new BufferPool(2 * LIMIT);
  const one = new SendBuffer(LIMIT, pool);
  one.reserve(8);
  const { frame } = one;
  one.commit(0, 8);
  one.taken(8);
  const other = new SendBuffer(LIMIT, pool);
  other.reserve(8);
  expect(other.frame).toBe(frame);
});
