import { describe, expect, test } from 'vitest';
import { SpinBudget } from '../../src/dispatcher/spin-budget.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

/** A budget with a clock and a run delay that the test sets. */
class Bench {
  readonly clock = new VirtualClock();
  runDelayMs = 0;
  readonly budget = new SpinBudget(this.clock, () => this.runDelayMs);

  /** Polls every `step` ms for `ms`, the last message `age` ms ago; returns how often spinning was allowed. */
  async spin(ms: number, step: number, age = 0): Promise<number> {
    let allowed = 0;
    for (let spent = 0; spent < ms; spent += step) {
      const now = this.clock.now();
      await this.clock.advance(step);
      if (this.budget.allows(this.clock.now() - age, now)) allowed++;
    }
    return allowed;
  }
}

describe('SpinBudget', () => {
  test('up to 50 us after the last message, not longer', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    const now = bench.clock.now();
    expect(bench.budget.allows(now - 0.049, now)).toBe(true);
    expect(bench.budget.allows(now - 0.051, now)).toBe(false);
  });

  test('at most a tenth of a core over a second, and again in the next', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    bench.budget.allows(bench.clock.now(), bench.clock.now());
    expect(await bench.spin(990, 1)).toBe(100);
    expect(await bench.spin(1000, 1)).toBeGreaterThanOrEqual(90);
  });

  test('not while the process waits for a core: over 5 % of the last 10 ms', async () => {
    const bench = new Bench();
    await bench.clock.advance(5000);
    const allowed = async () => {
      await bench.clock.advance(10);
      return bench.budget.allows(bench.clock.now(), bench.clock.now());
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
    bench.budget.allows(bench.clock.now(), bench.clock.now());
    bench.runDelayMs += 1000;
    await bench.clock.advance(2000);
    expect(bench.budget.allows(bench.clock.now(), bench.clock.now())).toBe(true);
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
      budget.allows(clock.now(), clock.now());
    }
    expect(reads).toBeLessThanOrEqual(6);
  });

  test('reads the run delay of this process by itself', () => {
    expect(typeof new SpinBudget(new VirtualClock()).allows(0, 0)).toBe('boolean');
  });
});
