import { expect, test } from 'vitest';
import { ChunkQueue } from '../../src/streams/chunk-queue.ts';
import { Random } from '../support/random.ts';

test('gives back values and costs in order, however it grows and wraps', () => {
  const { next } = new Random(7);
  const queue = new ChunkQueue();
  const expected: [number, number][] = [];
  let n = 0;
  for (let step = 0; step < 20_000; step++) {
    // Grows first, then shrinks, so that it doubles while its first entry stands anywhere.
    if (next() < (step < 10_000 ? 0.52 : 0.48)) {
      queue.push(n, n * 2);
      expected.push([n, n * 2]);
      n++;
    } else if (queue.length > 0) {
      const cost = queue.firstCost();
      expect([queue.shift(), cost]).toEqual(expected.shift());
    }
    expect(queue.length).toBe(expected.length);
  }
  expect(n).toBeGreaterThan(9000);
  queue.clear();
  expect(queue.length).toBe(0);
  queue.push('x', 1);
  expect(queue.shift()).toBe('x');
});
