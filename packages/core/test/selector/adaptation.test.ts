import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Adaptation, HOLD_MS, type Judged, PATIENCE_MS } from '../../src/selector/adaptation.ts';
import { RouteFigures } from '../../src/selector/route-figures.ts';

const TARGETS = [2, 10, 100, 1000, undefined];
const HIGH = 1;
const BATCH = 4;
const BAND = 0;
const REVIEW_MS = 100;

/** Routes named fast and slow by what they usually are; `fast` is the one that messages prefer. */
class Bench {
  readonly adaptation = new Adaptation(TARGETS);
  readonly figures: Record<string, RouteFigures> = { fast: new RouteFigures(), slow: new RouteFigures() };
  readonly isUp: Record<string, boolean> = { fast: true, slow: true };
  readonly fullMillis: Record<string, number> = { fast: 0, slow: 0 };
  priority = HIGH;
  now = 1000;

  /** Which of the two takes the messages now. */
  get user(): string {
    return this.left('fast') === undefined ? 'fast' : 'slow';
  }

  left(transport: string) {
    return this.adaptation.left(this.priority, BAND)?.get(transport);
  }

  routes(): Judged[] {
    return ['fast', 'slow'].map((transport) => {
      const sent = new Int32Array(5);
      if (transport === this.user) sent[this.priority] = 10;
      return {
        transport,
        isUp: this.isUp[transport],
        figures: this.figures[transport],
        fullMillis: this.fullMillis[transport],
        sent,
      };
    });
  }

  /** Reviews for `ms`, while the two have these p50; undefined: nothing is measured. */
  review(ms: number, fast: number | undefined, slow: number | undefined): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += REVIEW_MS;
      this.measure('fast', fast);
      this.measure('slow', slow);
      this.adaptation.review(this.routes(), [BAND], this.now);
    }
  }

  measure(transport: string, p50Micros: number | undefined): void {
    if (p50Micros === undefined) return;
    const told = { band: BAND, woke: false, count: 9, p50Micros, p99Micros: p50Micros };
    this.figures[transport].told(told, this.now);
  }

  full(priority: number): boolean {
    const routes = this.routes();
    return this.adaptation.full(routes[0], priority, routes, [BAND], this.now);
  }
}

describe('a class of messages leaves a route', () => {
  test('that misses the target for half a second while another meets it, and says by how much', () => {
    const bench = new Bench();
    bench.review(500, 90, 8);
    expect(bench.left('fast')).toBeUndefined();
    bench.review(200, 90, 8);
    expect(bench.left('fast')).toMatchObject({ cause: 'slow' });
    expect(bench.left('fast')?.why).toBe('its p50 of 90 us misses 10 us, which slow meets with 8 us');
    expect(bench.adaptation.anyLeft('fast')).toBe(bench.left('fast'));
    // Other classes have other targets.
    expect(bench.adaptation.left(2, BAND)).toBeUndefined();
  });

  test.each<[string, number | undefined, number | undefined]>([
    ['meets the target', 10, 1],
    ['misses it, when nothing else meets it', 90, 11],
    ['misses it, when nothing is known of others', 90, undefined],
    ['was not measured', undefined, 1],
  ])('but not one that %s', (_, fast, slow) => {
    const bench = new Bench();
    bench.review(5000, fast, slow);
    expect(bench.left('fast')).toBeUndefined();
  });

  test('but not for figures that are old', () => {
    const bench = new Bench();
    bench.measure('slow', 8);
    bench.now += 2001;
    bench.review(5000, 90, undefined);
    expect(bench.left('fast')).toBeUndefined();
  });

  test('that fails three times within ten seconds, at once, until ten seconds have passed', () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i++) bench.figures.fast.failed(bench.now);
    bench.review(100, 1, 90);
    expect(bench.left('fast')).toMatchObject({ cause: 'failing', why: 'it failed 3 times within ten seconds' });
    bench.review(9500, 1, 90);
    expect(bench.left('fast')).toBeDefined();
    bench.review(1000, 1, 90);
    expect(bench.left('fast')).toBeUndefined();
  });

  test('that is full beyond patience, and takes it again when it has room, after the hold time', () => {
    const bench = new Bench();
    bench.fullMillis.fast = PATIENCE_MS[HIGH];
    expect(bench.full(HIGH)).toBe(true);
    expect(bench.left('fast')).toEqual({ cause: 'full', why: 'it had no room for 10 ms', good: 0 });
    bench.review(HOLD_MS + 500, 1, 90);
    expect(bench.left('fast')).toBeDefined();
    bench.fullMillis.fast = 0;
    bench.review(100, 1, 90);
    expect(bench.left('fast')).toBeUndefined();
  });

  test('but not for another that is full or down, too', () => {
    const bench = new Bench();
    bench.fullMillis.fast = 50;
    bench.fullMillis.slow = 50;
    expect(bench.full(HIGH)).toBe(false);
    bench.fullMillis.slow = 0;
    bench.isUp.slow = false;
    expect(bench.full(HIGH)).toBe(false);
    for (let i = 0; i < 3; i++) bench.figures.fast.failed(bench.now);
    bench.review(1000, 90, 1);
    expect(bench.left('fast')).toBeUndefined();
  });

  test('batch: for another that carries half as much again', () => {
    const bench = new Bench();
    bench.priority = BATCH;
    bench.figures.fast.carried(100e6, 100, bench.now);
    bench.figures.slow.carried(149e6, 100, bench.now);
    bench.review(1000, 1, 1);
    expect(bench.left('fast')).toBeUndefined();
    bench.figures.slow.carried(150e6, 100, bench.now);
    bench.review(1000, 1, 1);
    expect(bench.left('fast')?.why).toBe('it carries 1000.0 MB/s, slow 1500.0 MB/s');
  });
});

describe('a class takes a route again', () => {
  test('after the hold time, once probes have met the target three times in a row', () => {
    const bench = new Bench();
    bench.review(700, 90, 8);
    expect(bench.user).toBe('slow');
    bench.review(HOLD_MS + 1000, 90, 8);
    expect(bench.user).toBe('slow');
    bench.review(200, 5, 8);
    bench.review(100, 90, 8);
    bench.review(200, 5, 8);
    expect(bench.user).toBe('slow');
    bench.review(100, 5, 8);
    expect(bench.user).toBe('fast');
  });

  test('and waits twice as long when that did not last', () => {
    const bench = new Bench();
    const absences: number[] = [];
    for (let i = 0; i < 4; i++) {
      while (bench.user === 'fast') bench.review(100, 90, 8);
      const since = bench.now;
      while (bench.user === 'slow') bench.review(100, 5, 8);
      absences.push(bench.now - since);
    }
    expect(absences).toEqual([HOLD_MS, 2 * HOLD_MS, 4 * HOLD_MS, 8 * HOLD_MS]);
  });

  test('is probed meanwhile, and so is what might be better', () => {
    const bench = new Bench();
    expect(bench.adaptation.wantsProbe('slow')).toBe(false);
    bench.review(300, 90, undefined);
    expect(bench.adaptation.wantsProbe('slow')).toBe(true);
    expect(bench.adaptation.wantsProbe('fast')).toBe(false);
    bench.review(700, 90, 8);
    expect(bench.adaptation.wantsProbe('fast')).toBe(true);
  });
});

test('whatever the latencies do, a class changes its route at most once within a hold time', () => {
  const oscillation = fc.record({
    ms: fc.integer({ min: 1, max: 40 }).map((reviews) => reviews * REVIEW_MS),
    fast: fc.option(fc.constantFrom(1, 9, 11, 90), { nil: undefined }),
    slow: fc.option(fc.constantFrom(1, 9, 11, 90), { nil: undefined }),
  });
  let switches = 0;
  fc.assert(
    fc.property(fc.array(oscillation, { minLength: 1, maxLength: 30 }), (phases) => {
      const bench = new Bench();
      let changedAt = Number.NEGATIVE_INFINITY;
      for (const { ms, fast, slow } of phases) {
        for (let passed = 0; passed < ms; passed += REVIEW_MS) {
          const before = bench.user;
          bench.review(REVIEW_MS, fast, slow);
          if (bench.user === before) continue;
          switches++;
          expect(bench.now - changedAt).toBeGreaterThanOrEqual(HOLD_MS);
          changedAt = bench.now;
        }
      }
    }),
    { numRuns: 500 },
  );
  // The latencies do make it change.
  expect(switches).toBeGreaterThan(100);
});
