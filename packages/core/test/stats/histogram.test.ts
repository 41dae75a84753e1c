import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Histogram } from '../../src/stats/histogram.ts';

const MAX = 2 ** 32 - 1;
const ERROR = 1 / 256;

/** Small and large values in equal shares of their magnitudes: a uniform choice would hardly ever draw a small one. */
const value = fc.integer({ min: 0, max: 32 }).chain((bits) => fc.integer({ min: 0, max: Math.min(2 ** bits, MAX) }));
const values = fc.array(value, { minLength: 1, maxLength: 300 });

function histogramOf(list: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const one of list) histogram.record(one);
  return histogram;
}

function expectNear(found: number, exact: number): void {
  if (exact < 256) expect(found).toBe(exact);
  else expect(Math.abs(found - exact) / exact).toBeLessThanOrEqual(ERROR);
}

describe('Histogram', () => {
  test('percentiles are those of the sorted values: exact below 256, else to 0.4 %', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, fraction) => {
        const sorted = list.toSorted((a, b) => a - b);
        const histogram = histogramOf(list);
        expect(histogram.count).toBe(list.length);
        const rank = Math.max(1, Math.ceil(fraction * list.length));
        expectNear(histogram.percentile(fraction), sorted[rank - 1]);
        expectNear(histogram.percentile(1), sorted[sorted.length - 1]);
      }),
    );
  });

  test('every power of two and its neighbours stand in a bucket of their own size', () => {
    for (let bits = 0; bits <= 32; bits++) {
      for (const near of [2 ** bits - 1, 2 ** bits, 2 ** bits + 1]) {
        const one = Math.min(near, MAX);
        expectNear(histogramOf([one]).percentile(0.5), one);
      }
    }
  });

  test('what is no such number counts as the nearest one', () => {
    expect(histogramOf([-1, Number.NEGATIVE_INFINITY, Number.NaN, 0.9]).percentile(1)).toBe(0);
    expect(histogramOf([7.99]).percentile(1)).toBe(7);
    const over = histogramOf([2 ** 32, 2 ** 53, Number.POSITIVE_INFINITY]);
    expect(over.count).toBe(3);
    expectNear(over.percentile(0.01), MAX);
  });

  test('without values it says 0', () => {
    expect(new Histogram().count).toBe(0);
    expect(new Histogram().percentile(0.99)).toBe(0);
  });
});
