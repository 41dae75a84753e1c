import { describe, expect, test } from 'vitest';
import { advise } from '../../src/advice/advise.ts';
import { LEAVES, type LeafName } from '../../src/advice/decision-table.ts';
import { MECHANISMS, type Mechanism } from '../../src/advice/mechanisms.ts';
import { checkNeed, type Need } from '../../src/advice/need.ts';
import { impossible } from '../../src/advice/obstacles.ts';
import { calibration, measured } from '../support/calibrations.ts';

type Line = [LeafName, Need, Mechanism, Mechanism[]];
const GIGABYTE = 1e9;

/** The trees as they are commonly drawn, without a measurement: what is answered, and the alternatives. */
const UNMEASURED: Line[] = [
  // Scaling over machines or browsers: a network transport.
  ['machines', { sameMachine: false }, 'network', []],
  ['machines', { sameMachine: false, partner: 'agents', bidirectional: true }, 'network', []],
  ['machines', { sameMachine: false, browser: true }, 'network', []],
  ['browser', { browser: true }, 'network', []],
  ['kept-remotely', { sameMachine: false, durability: 'process' }, 'network-log', []],
  ['kept-remotely', { browser: true, durability: 'disk' }, 'network-log', []],
  // Unrelated, one machine: mmap for persistence, D-Bus for the desktop, shm over 1 GB/s, uds below 10 us.
  ['persistence', { durability: 'process' }, 'mmap', []],
  ['persistence', { durability: 'disk', related: true, bidirectional: true }, 'mmap', []],
  ['desktop', { partner: 'desktop', bidirectional: true }, 'dbus', []],
  ['bulk', { throughputBytesPerSecond: 1.1 * GIGABYTE }, 'shm', ['uds']],
  ['bulk', { throughputBytesPerSecond: 10 * GIGABYTE, partner: 'agents' }, 'shm', ['uds']],
  ['unrelated', { throughputBytesPerSecond: GIGABYTE }, 'uds', ['shm']],
  ['unrelated', {}, 'uds', ['shm']],
  ['unrelated', { bidirectional: true, related: false }, 'uds', ['shm']],
  // By latency: below 1 us shm, below 10 us uds or shm.
  ['fastest', { latencyMicros: 0.9 }, 'shm', []],
  ['fastest', { latencyMicros: 0.5, related: true }, 'shm', []],
  ['quick', { latencyMicros: 1 }, 'uds', ['shm']],
  ['quick', { latencyMicros: 9, related: true }, 'uds', ['shm']],
  ['unrelated', { latencyMicros: 10 }, 'uds', ['shm']],
  // By throughput: over 10 GB/s shm only, over 5 GB/s uds.
  ['widest', { throughputBytesPerSecond: 10.1 * GIGABYTE }, 'shm', []],
  ['widest', { throughputBytesPerSecond: 11 * GIGABYTE, related: true }, 'shm', []],
  ['beyond-pipes', { throughputBytesPerSecond: 5.1 * GIGABYTE, related: true }, 'uds', ['shm']],
  ['beyond-pipes', { throughputBytesPerSecond: 6 * GIGABYTE, partner: 'child' }, 'uds', ['shm']],
  ['related-one-way', { throughputBytesPerSecond: 5 * GIGABYTE, related: true }, 'pipe', ['uds', 'shm']],
  // Related processes: a pipe or a Unix socket. A child: its stdio, or a Unix socket.
  ['related-one-way', { related: true }, 'pipe', ['uds', 'shm']],
  ['related-both-ways', { related: true, bidirectional: true }, 'uds', []],
  ['child', { partner: 'child' }, 'stdio', ['uds', 'shm']],
  ['child', { partner: 'child', related: true, bidirectional: true }, 'stdio', ['uds', 'shm']],
  // An orchestrator and independent agents.
  ['agents', { partner: 'agents', bidirectional: true }, 'uds', []],
];

const HOST = calibration(measured('uds', 40, 90, 2, 3), measured('shm', 2, 30, 5, 4));

/** The same trees on a host whose sockets take 40 us and carry 3 GB/s, and whose rings take 2 us and carry 5 GB/s. */
const MEASURED: Line[] = [
  ['fastest', { latencyMicros: 39 }, 'shm', []],
  ['fastest', { latencyMicros: 39, related: true }, 'shm', []],
  ['quick', { latencyMicros: 40 }, 'uds', ['shm']],
  ['quick', { latencyMicros: 89, partner: 'child' }, 'uds', ['shm']],
  ['child', { latencyMicros: 90, partner: 'child' }, 'stdio', ['uds', 'shm']],
  ['unrelated', { latencyMicros: 90 }, 'uds', ['shm']],
  ['widest', { throughputBytesPerSecond: 3.1 * GIGABYTE }, 'shm', []],
  ['unrelated', { throughputBytesPerSecond: 3 * GIGABYTE }, 'uds', ['shm']],
  ['related-both-ways', { throughputBytesPerSecond: 2 * GIGABYTE, related: true, bidirectional: true }, 'uds', []],
];

describe('every leaf', () => {
  test.each(UNMEASURED)('%s: %j', (leaf, need, mechanism, alternatives) => {
    const advice = advise(need);
    expect(advice).toMatchObject({ leaf, mechanism, meets: true });
    expect(advice.alternatives.map((each) => each.mechanism)).toEqual(alternatives);
  });

  test.each(MEASURED)('%s on a measured host: %j', (leaf, need, mechanism, alternatives) => {
    const advice = advise(need, HOST);
    expect(advice).toMatchObject({ leaf, mechanism, meets: true });
    expect(advice.alternatives.map((each) => each.mechanism)).toEqual(alternatives);
  });

  test('is reached by a line above, and every mechanism is named by a leaf', () => {
    expect([...new Set(UNMEASURED.map(([leaf]) => leaf))].sort()).toEqual(LEAVES.map(({ name }) => name).sort());
    const named = new Set(LEAVES.flatMap(({ prefer }) => prefer));
    expect([...named].sort()).toEqual(Object.keys(MECHANISMS).sort());
  });

  test('prefers first what can serve whatever leads to it', () => {
    for (const [leaf, need] of UNMEASURED) {
      const [first] = LEAVES.find(({ name }) => name === leaf)!.prefer;
      expect(impossible(first, checkNeed(need)), leaf).toBeUndefined();
    }
  });
});

test('a calibration of shm alone leaves the borders of uds as they usually are', () => {
  const shmAlone = calibration(measured('shm', 2, 30, 5));
  expect(advise({ latencyMicros: 5 }, shmAlone)).toMatchObject({ leaf: 'quick', mechanism: 'uds' });
  expect(advise({ throughputBytesPerSecond: 2 * GIGABYTE }, shmAlone)).toMatchObject({
    leaf: 'bulk',
    mechanism: 'shm',
  });
});
