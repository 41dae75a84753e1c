import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { decodeMeasured, encodeMeasured } from '../../src/link/measured.ts';
import { RecentLatencies } from '../../src/link/recent-latencies.ts';
import { bandOf } from '../../src/selector/bands.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

describe('what a peer tells of latencies', () => {
  test('comes through as it was said', () => {
    const told = [{ transport: 'uds', band: 3, woke: true, count: 7, p50Micros: 12, p99Micros: 90 }];
    expect(decodeMeasured(encodeMeasured(told))).toEqual(told);
  });

  test('is ignored where it makes no sense, whatever the bytes', () => {
    const good = { transport: 'uds', band: 0, woke: false, count: 1, p50Micros: 1, p99Micros: 1 };
    const bad = [null, 7, [], { ...good, band: 4 }, { ...good, band: -1 }, { ...good, band: 0.5 }].concat([
      { ...good, p50Micros: -1 },
      { ...good, p99Micros: null },
      { ...good, woke: 1 },
      { ...good, transport: 1 },
    ] as never[]);
    expect(decodeMeasured(Buffer.from(JSON.stringify([good, ...bad])))).toEqual([good]);
    fc.assert(fc.property(fc.uint8Array(), (bytes) => Array.isArray(decodeMeasured(bytes))));
    fc.assert(fc.property(fc.json(), (text) => Array.isArray(decodeMeasured(Buffer.from(text)))));
  });
});

describe('RecentLatencies', () => {
  test('reports the median and the 99th percentile of what came since, apart by band and by who slept', () => {
    const recent = new RecentLatencies();
    for (let i = 1; i <= 50; i++) recent.add(0, false, i, 0);
    recent.add(0, true, 500, 0);
    recent.add(2, false, 7, 0);
    expect(recent.take(0)).toEqual([
      { band: 0, woke: false, count: 50, p50Micros: 25, p99Micros: 50 },
      { band: 0, woke: true, count: 1, p50Micros: 500, p99Micros: 500 },
      { band: 2, woke: false, count: 1, p50Micros: 7, p99Micros: 7 },
    ]);
    expect(recent.take(0)).toEqual([]);
  });

  test('of many keeps the latest; a time before the clock stood still counts as none', () => {
    const recent = new RecentLatencies();
    for (let i = 0; i < 1000; i++) recent.add(1, false, 9000, 0);
    for (let i = 0; i < 64; i++) recent.add(1, false, -3, 0);
    expect(recent.take(0)).toEqual([{ band: 1, woke: false, count: 1064, p50Micros: 0, p99Micros: 0 }]);
  });

  test('is due at most every 50 ms', () => {
    const recent = new RecentLatencies();
    expect(recent.add(0, false, 1, 10)).toBe(true);
    recent.take(10);
    expect(recent.add(0, false, 1, 59.9)).toBe(false);
    expect(recent.add(0, false, 1, 60)).toBe(true);
  });
});

test.each([
  ['no connection is opened for it', ['red'], 'idle'],
  ['the sender hears it where it has a choice', ['red', 'blue'], 'up'],
])('what nobody can act on is not worth a connection: %s', async (_, names, state) => {
  // They confirm by themselves, so the receiver has nothing else to send.
  const fabrics = names.map((name) => new Fabric(name, { confirms: 'copied' }));
  const pair = await Pair.create(fabrics);
  onTestFinished(() => pair.close());
  pair.b.bus.subscribe('x', () => {});
  await turn();
  const sent = pair.a.bus.publish('x', new Uint8Array(8));
  await flow(...fabrics);
  await sent;
  const [route] = pair.link(pair.b).routes;
  expect(route.state).toBe(state);
});

test('a band ends where its name says', () => {
  expect([0, 1024, 1025, 65_536, 65_537, 1_048_575, 1_048_576, 2 ** 30].map(bandOf)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
});
