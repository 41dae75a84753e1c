import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Advice, advise } from '../../src/advice/advise.ts';
import type { Calibration } from '../../src/advice/calibration.ts';
import { MECHANISMS, type Mechanism } from '../../src/advice/mechanisms.ts';
import { type Need, PARTNERS } from '../../src/advice/need.ts';
import { calibration, measured, missing } from '../support/calibrations.ts';

const flag = fc.option(fc.boolean(), { nil: undefined });
const amount = (min: number, max: number) => fc.option(fc.double({ min, max, noNaN: true }), { nil: undefined });

const needs: fc.Arbitrary<Need> = fc.record({
  related: flag,
  bidirectional: flag,
  sameMachine: flag,
  browser: flag,
  latencyMicros: amount(0.001, 10_000),
  throughputBytesPerSecond: amount(1, 1e11),
  durability: fc.constantFrom('volatile', 'process', 'disk', undefined),
  partner: fc.constantFrom(...PARTNERS, undefined),
});

const figure = fc.double({ min: 0.001, max: 1e6, noNaN: true });
const entry = (transport: string) =>
  fc.oneof(
    fc
      .tuple(figure, figure, fc.array(figure, { maxLength: 2 }))
      .map(([p50, p99, all]) => measured(transport, p50, p99, ...all)),
    fc.constant(missing(transport, transport)),
  );
const calibrations: fc.Arbitrary<Calibration | undefined> = fc.option(
  fc.tuple(entry('uds'), entry('shm')).chain((both) => fc.subarray(both).map((some) => calibration(...some))),
  { nil: undefined },
);

/** Says it in words of its own: the table under test must not be what it is tested by. */
const NETWORK: Mechanism[] = ['network', 'network-log'];
const DURABLE: Mechanism[] = ['mmap', 'network-log'];

function expectHardRequirements(mechanism: Mechanism, need: Need): void {
  const remote = need.browser === true || need.sameMachine === false;
  if (remote) expect(NETWORK).toContain(mechanism);
  if (need.durability === 'process' || need.durability === 'disk') expect(DURABLE).toContain(mechanism);
  if (need.bidirectional === true) expect(mechanism).not.toBe('pipe');
  if (need.partner === 'desktop') expect(mechanism).toBe('dbus');
  else expect(mechanism).not.toBe('dbus');
  if (need.partner !== 'child') expect(mechanism).not.toBe('stdio');
  if (need.partner !== 'child' && need.related !== true) expect(mechanism).not.toBe('pipe');
}

/** What a need asks for in figures, against what the transports were measured to reach. */
function expectFigures(mechanism: Mechanism, need: Need, measurements: Calibration | undefined): void {
  const found = measurements?.transports.find(({ transport }) => transport === mechanism);
  if (found === undefined) return;
  if (!('latency' in found)) throw new Error(`${mechanism} is unavailable`);
  if (need.latencyMicros !== undefined) expect(found.latency.p50Nanos / 1000).toBeLessThanOrEqual(need.latencyMicros);
  const best = Math.max(...found.throughput.map(({ bytesPerSecond }) => bytesPerSecond));
  if (need.throughputBytesPerSecond !== undefined && found.throughput.length > 0)
    expect(best).toBeGreaterThanOrEqual(need.throughputBytesPerSecond);
}

function tryAdvise(need: Need, measurements: Calibration | undefined): Advice | undefined {
  try {
    return advise(need, measurements);
  } catch (error) {
    expect(error).toMatchObject({ name: 'BusError', code: 'INVALID_OPTION' });
    return undefined;
  }
}

test('every need is answered, or refused as contradictory, and no answer bends a hard requirement', () => {
  let answered = 0;
  fc.assert(
    fc.property(needs, calibrations, (need, measurements) => {
      const advice = tryAdvise(need, measurements);
      if (advice === undefined) return;
      answered++;
      expectHardRequirements(advice.mechanism, need);
      if (advice.meets) expectFigures(advice.mechanism, need, measurements);
      for (const { mechanism } of advice.alternatives) {
        expectHardRequirements(mechanism, need);
        expectFigures(mechanism, need, measurements);
        expect(mechanism).not.toBe(advice.mechanism);
      }
      for (const each of [advice, ...advice.alternatives]) {
        expect(each.why).not.toMatch(/undefined|NaN|Infinity/);
        expect(each.status).toBe(MECHANISMS[each.mechanism].status);
        expect(each.package !== undefined).toBe(each.status === 'published');
      }
      expect(advice.rejected.map(({ mechanism }) => mechanism)).not.toContain(advice.mechanism);
    }),
    { numRuns: 5000 },
  );
  expect(answered).toBeGreaterThan(500);
});

test('what is answered with a claim to meet the need, meets a lesser one too', () => {
  fc.assert(
    fc.property(needs, calibrations, fc.double({ min: 1, max: 100, noNaN: true }), (need, measurements, factor) => {
      const advice = tryAdvise(need, measurements);
      if (advice?.meets !== true) return;
      const lesser = {
        ...need,
        latencyMicros: need.latencyMicros && need.latencyMicros * factor,
        throughputBytesPerSecond: need.throughputBytesPerSecond && need.throughputBytesPerSecond / factor,
      };
      expect(advise(lesser, measurements).meets).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
