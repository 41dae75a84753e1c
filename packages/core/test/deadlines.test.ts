import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type DeadlineLane, Deadlines, type Expirable } from '../src/deadlines.ts';
import { VirtualClock } from '../src/testing/virtual-clock.ts';

class Entry implements Expirable {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;
  expiredAt: number | undefined;
  times = 0;
  readonly #clock: VirtualClock;
  readonly #then: (() => void) | undefined;

  constructor(clock: VirtualClock, then?: () => void) {
    this.#clock = clock;
    this.#then = then;
  }

  expire(): void {
    this.times++;
    this.expiredAt = this.#clock.now();
    this.#then?.();
  }
}

describe('Deadlines', () => {
  test('any mix of durations and removals: each expires once, not early, at most 1 ms late', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            ms: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0.1, max: 50, noNaN: true })),
            wait: fc.integer({ min: 0, max: 20 }),
            removedAfter: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
          }),
          { maxLength: 15 },
        ),
        async (plan) => {
          const clock = new VirtualClock();
          const deadlines = new Deadlines(clock);
          const open: { entry: Entry; due: number; removeAt: number }[] = [];
          const turnTo = async (end: number) => {
            for (const one of open
              .filter(({ removeAt }) => removeAt <= end)
              .toSorted((a, b) => a.removeAt - b.removeAt)) {
              if (one.removeAt > clock.now()) await clock.advance(one.removeAt - clock.now());
              deadlines.remove(one.entry);
            }
            if (end > clock.now()) await clock.advance(end - clock.now());
          };
          for (const { ms, wait, removedAfter } of plan) {
            const entry = new Entry(clock);
            deadlines.add(entry, ms);
            const now = clock.now();
            open.push({ entry, due: now + ms, removeAt: removedAfter === undefined ? Infinity : now + removedAfter });
            await turnTo(now + wait);
          }
          await turnTo(clock.now() + 100);
          for (const { entry, due, removeAt } of open) {
            if (entry.expiredAt === undefined) expect(removeAt).toBeLessThan(due + 1);
            else {
              expect(entry.times).toBe(1);
              expect(entry.expiredAt).toBeGreaterThanOrEqual(due - 1e-9);
              expect(entry.expiredAt).toBeLessThanOrEqual(due + 1);
              expect(removeAt).toBeGreaterThanOrEqual(entry.expiredAt);
            }
            expect(entry.lane).toBeUndefined();
          }
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('one timer for any number of entries of one duration', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    for (let i = 0; i < 1000; i++) deadlines.add(new Entry(clock), 30);
    expect(clock.pending).toBe(1);
    deadlines.add(new Entry(clock), 40);
    expect(clock.pending).toBe(2);
  });

  test('an entry may be added to the same duration while another expires', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const second = new Entry(clock);
    const first = new Entry(clock, () => deadlines.add(second, 10));
    deadlines.add(first, 10);
    await clock.advance(10);
    expect([first.times, second.times]).toEqual([1, 0]);
    await clock.advance(10);
    expect([second.times, second.expiredAt]).toEqual([1, 20]);
  });

  test('expiring one may remove another that is due with it', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const other = new Entry(clock);
    deadlines.add(new Entry(clock, () => deadlines.remove(other)), 10);
    deadlines.add(other, 10);
    await clock.advance(50);
    expect(other.times).toBe(0);
  });

  test('removing twice, or what was never in, does nothing', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const [a, b, c] = [new Entry(clock), new Entry(clock), new Entry(clock)];
    deadlines.remove(a);
    for (const entry of [a, b, c]) deadlines.add(entry, 5);
    deadlines.remove(b);
    deadlines.remove(b);
    await clock.advance(5);
    expect([a.times, b.times, c.times]).toEqual([1, 0, 1]);
  });

  test('a deadline beyond what timers can hold is kept', async () => {
    const clock = new VirtualClock();
    const timers = vi.spyOn(clock, 'setTimer');
    const deadlines = new Deadlines(clock);
    const entry = new Entry(clock);
    deadlines.add(entry, 2 ** 32);
    await clock.advance(2 ** 32 - 1);
    expect(entry.times).toBe(0);
    await clock.advance(1);
    expect(entry.times).toBe(1);
    expect(timers.mock.calls.every(([, ms]) => ms < 2 ** 31)).toBe(true);
    expect(timers.mock.calls.length).toBeLessThan(5);
  });

  test('cleared, nothing expires and no timer is left', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const entry = new Entry(clock);
    deadlines.add(entry, 5);
    deadlines.clear();
    expect(clock.pending).toBe(0);
    await clock.advance(100);
    expect(entry.times).toBe(0);
  });

  test('within: the promise, or the error when it is late', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    expect(await deadlines.within(Promise.resolve(7), 10, () => new Error('late'))).toBe(7);
    await expect(deadlines.within(Promise.reject(new Error('own')), 10, () => new Error('late'))).rejects.toThrow(
      'own',
    );
    const late = expect(deadlines.within(new Promise(() => {}), 10, () => new Error('late'))).rejects.toThrow('late');
    await clock.advance(10);
    await late;
  });
});
