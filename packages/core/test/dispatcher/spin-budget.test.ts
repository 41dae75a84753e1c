import { describe, expect, test } from 'vitest';
import { SpinBudget } from '../../src/dispatcher/spin-budget.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

/** A budget with a clock and a run delay that the test sets. */
class Bench {
  readonly clock = new VirtualClock();
  runDelayMs = 0;
  readonly budget = new SpinBudget(this.clock, () => this.runDelayMs);

  /** Waits of `ms` each by polling, one after the other for a second; returns how many were allowed. */
  async waits(ms: number): Promise<number> {
    let allowed = 0;
    for (let spent = 0; spent < 1000; spent += ms) {
      await this.clock.advance(ms);
      if (!this.budget.allows(ms)) continue;
      allowed++;
      this.budget.waited(ms);
    }
    return allowed;
  }
}

describe('SpinBudget', () => {
  test('up to 50 us after the last message, not longer', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    expect(bench.budget.allows(0.049)).toBe(true);
    expect(bench.budget.allows(0.051)).toBe(false);
  });

  test('at most a tenth of a core over a second beyond what sleeping costs, and again in the next', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    // 40 us each are more than the 10 that are free: 100 ms are 2,500 waits of 50 us.
    expect(await bench.waits(0.05)).toBeCloseTo(2500, -1);
    expect(await bench.waits(0.05)).toBeCloseTo(2500, -1);
  });

  test('waits that are shorter than falling asleep would take cost nothing: who answers at once is polled on', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    expect(await bench.waits(0.01)).toBeGreaterThan(99_000);
  });

  test('a pause of the application between two polls counts as one wait, not as its length', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    for (let i = 0; i < 100; i++) bench.budget.waited(1000);
    expect(bench.budget.allows(0)).toBe(true);
  });

  test('not while the process waits for a core: over 5 % of the last 10 ms', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    const allowed = async () => {
      await bench.clock.advance(10);
      return bench.budget.allows(0);
    };
    expect(await allowed()).toBe(true);
    bench.runDelayMs += 0.5;
    expect(await allowed()).toBe(true);
    bench.runDelayMs += 0.6;
    expect(await allowed()).toBe(false);
    expect(await allowed()).toBe(true);
  });

  test('what a process waited during a long pause says nothing about now', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    bench.budget.allows(0);
    bench.runDelayMs += 1000;
    await bench.clock.advance(2000);
    expect(bench.budget.allows(0)).toBe(true);
  });

  test('the run delay is read at most every 10 ms', async () => {
    let reads = 0;
    const clock = new VirtualClock();
    const budget = new SpinBudget(clock, () => {
      reads++;
      return 0;
    });
    for (let i = 0; i < 100; i++) {
      await clock.advance(0.5);
      budget.allows(0);
    }
    expect(reads).toBeLessThanOrEqual(6);
  });

  test('reads the run delay of this process by itself', () => {
    expect(typeof new SpinBudget(new VirtualClock()).allows(0)).toBe('boolean');
  });
});
