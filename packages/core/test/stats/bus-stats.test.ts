import { afterEach, expect, test } from 'vitest';
import { OK } from '../../src/contract/index.ts';
import { OUTCOMES } from '../../src/outcomes.ts';
import type { BusStats } from '../../src/stats/bus-stats.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, type PairOptions, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let red: Fabric;

async function start(options: PairOptions = {}, changes: ConstructorParameters<typeof Fabric>[1] = {}): Promise<void> {
  red = new Fabric('red', changes);
  pair = await Pair.create([red], options);
}

afterEach(() => pair.close());

/** The snapshot of `of`, with what must hold at any moment. */
function statsOf(of: Participant): BusStats {
  const stats = of.bus.stats();
  const { targets, outcomes } = stats.counters;
  expect(OUTCOMES.reduce((sum, outcome) => sum + outcomes[outcome], stats.unsettled)).toBe(targets);
  for (const outcome of OUTCOMES) {
    if (outcome === 'delivered') continue;
    const rows = stats.failed.filter((row) => row.outcome === outcome);
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(outcomes[outcome]);
  }
  return stats;
}

function routeOf(of: Participant) {
  const [{ routes }] = statsOf(of).peers;
  expect(routes).toHaveLength(1);
  return routes[0];
}

const bytes = (n: number): Uint8Array => new Uint8Array(n);

test('an idle link shows its route, holds no histogram, and is not woken by being looked at', async () => {
  await start();
  const stats = statsOf(pair.a);
  expect(stats).toMatchObject({ self: { name: 'a' }, takenAtMillis: 0, failed: [], unsettled: 0 });
  expect(stats.peers).toEqual([
    {
      peer: 'b'.repeat(16),
      name: 'b',
      pid: process.pid,
      connected: true,
      queued: { messages: 0, bytes: 0 },
      stalledMillis: 0,
      routes: [
        {
          transport: 'red',
          state: 'idle',
          trouble: undefined,
          sessions: 0,
          framesSent: 0,
          bytesSent: 0,
          unconfirmed: 0,
          framesReceived: 0,
          bytesReceived: 0,
          latency: undefined,
        },
      ],
    },
  ]);
  await turn();
  expect(red.lanes.size).toBe(0);
  expect(routeOf(pair.a).state).toBe('idle');
});

test('what one side has sent the other has received, frame by frame and byte by byte', async () => {
  await start();
  pair.b.bus.subscribe('t', () => {});
  await turn();
  const publisher = pair.a.bus.publisher('t');
  // Whole, and in three pieces.
  for (let i = 0; i < 10; i++) publisher.send(bytes(100));
  publisher.send(bytes(5000));
  await turn();
  const early = routeOf(pair.a);
  expect(early).toMatchObject({ state: 'up', sessions: 1, framesSent: 13, unconfirmed: 11, framesReceived: 0 });
  expect(early.bytesSent).toBeGreaterThan(6000);
  expect(statsOf(pair.a).unsettled).toBe(11);
  await flow(red);
  const [a, b] = [routeOf(pair.a), routeOf(pair.b)];
  expect([b.framesReceived, b.bytesReceived]).toEqual([a.framesSent, a.bytesSent]);
  expect([a.framesReceived, a.bytesReceived]).toEqual([b.framesSent, b.bytesSent]);
  expect(a.unconfirmed).toBe(0);
  // Confirmations came back; they are frames, and carry no time.
  expect(a.framesReceived).toBeGreaterThan(0);
  expect(a.latency).toBeUndefined();
  expect(statsOf(pair.a)).toMatchObject({ unsettled: 0, counters: { targets: 11, outcomes: { delivered: 11 } } });
});

test('one message of 64 of each priority is timed, from the write to the read', async () => {
  await start();
  pair.b.bus.subscribe('t', () => {});
  await turn();
  const normal = pair.a.bus.publisher('t');
  const high = pair.a.bus.publisher('t', { priority: 'high' });
  for (let i = 0; i < 65; i++) normal.send(i);
  await turn();
  await pair.clock.advance(3);
  await flow(red);
  expect(routeOf(pair.b).latency).toEqual({ count: 2, p50Micros: 2999.5, p99Micros: 2999.5, maxMicros: 2999.5 });
  high.send(1);
  await pair.clock.advance(0.25);
  await flow(red);
  expect(routeOf(pair.b).latency).toEqual({ count: 3, p50Micros: 2999.5, p99Micros: 2999.5, maxMicros: 2999.5 });
  for (let i = 0; i < 64 * 4; i++) high.send(i);
  await pair.clock.advance(0.25);
  await flow(red);
  expect(routeOf(pair.b).latency).toEqual({ count: 7, p50Micros: 250, p99Micros: 2999.5, maxMicros: 2999.5 });
});

test('counts go on over a new session of a route; what is written again counts again', async () => {
  await start();
  pair.b.bus.subscribe('t', () => {});
  await turn();
  const publisher = pair.a.bus.publisher('t');
  for (let i = 0; i < 5; i++) publisher.send(i);
  await turn();
  const before = routeOf(pair.a);
  laneOf(red, 'a').break(true);
  await turn();
  expect(routeOf(pair.a)).toMatchObject({ state: 'down', trouble: expect.stringContaining('broke'), sessions: 1 });
  expect(statsOf(pair.a)).toMatchObject({ unsettled: 5, queued: { messages: 5, bytes: 5 } });
  await pair.clock.advance(100);
  await flow(red);
  const after = routeOf(pair.a);
  expect(after).toMatchObject({ state: 'up', trouble: undefined, sessions: 2, unconfirmed: 0 });
  expect(after.framesSent).toBeGreaterThanOrEqual(before.framesSent + 5);
  expect(after.bytesSent).toBeGreaterThan(before.bytesSent);
});

test('what fails is counted by its fixed reason, whatever the details', async () => {
  await start({ limits: { topicCredit: 1000, maxQueuedBytes: 3000, topicsPerPeer: 4 } }, { maxMessageLength: 2000 });
  const { a, b } = pair;
  b.bus.subscribe('t.>', async () => await new Promise(() => {}));
  await turn();
  const warm = a.bus.publisher('t.0', { reliability: 'best-effort' });
  for (let i = 0; i < 5; i++) warm.send(bytes(400));
  for (let size = 2100; size < 2110; size++) {
    const options = { via: size % 2 === 0 ? 'blue' : 'red' };
    await expect(a.bus.publish('t.1', bytes(size), options)).rejects.toThrow('no route: ');
  }
  await expect(a.bus.publish('t.1', bytes(4000))).rejects.toThrow('too much queued: more than 3000 bytes');
  const controller = new AbortController();
  const late = a.bus.publish('t.1', bytes(10), { deadline: 20 }).catch(String);
  const given = a.bus.publish('t.1', bytes(10), { signal: controller.signal }).catch(String);
  await turn();
  controller.abort();
  await given;
  await pair.clock.advance(20);
  await late;
  const table = (): string[] =>
    statsOf(a)
      .failed.map(({ outcome, reason, count }) => `${count} ${outcome}, ${reason}`)
      .sort();
  expect(table()).toEqual([
    '1 expired, aborted by the caller',
    '1 expired, the deadline passed',
    '1 refused, too much queued',
    '10 refused, no route',
    '3 dropped, no credit',
  ]);
  await flow(red);
  expect(a.bus.publisher('t.1').send(bytes(100))).toBe(OK);
  await turn();
  await Promise.all([b.bus.close({ timeout: 1 }), pair.clock.advance(10)]);
  while (statsOf(a).peers.length > 0) await turn();
  expect(table().join()).toMatch(/\d peer-gone, the peer has left/);
});

test('a snapshot is a copy', async () => {
  await start();
  pair.a.bus.subscribe('t', () => {});
  const before = pair.a.bus.stats();
  await pair.a.bus.publish('t', 1);
  expect(before.counters).toMatchObject({ published: 0, targets: 0, outcomes: { delivered: 0 } });
  expect(statsOf(pair.a).counters).toMatchObject({ published: 1, targets: 1, outcomes: { delivered: 1 } });
  expect(structuredClone(before)).toEqual(before);
});

test('a peer that takes nothing is stalled from the first message that waits; each that gets away ends it', async () => {
  await start({ limits: { topicCredit: 1000 } });
  const { a, b, clock } = pair;
  const gates: (() => void)[] = [];
  b.bus.subscribe('t', () => new Promise<void>((resolve) => gates.push(resolve)));
  await turn();
  const sent = Array.from({ length: 5 }, () => a.bus.publish('t', bytes(400)));
  await flow(red);
  const stalled = () => statsOf(a).peers[0].stalledMillis;
  expect(stalled()).toBe(0);
  await clock.advance(700);
  expect(stalled()).toBe(700);
  gates.shift()?.();
  await flow(red);
  expect(stalled()).toBe(0);
  await clock.advance(300);
  expect(stalled()).toBe(300);
  while (statsOf(a).unsettled > 0) {
    gates.shift()?.();
    await flow(red);
  }
  await Promise.all(sent);
  await clock.advance(300);
  expect(stalled()).toBe(0);
});

test('messages that wait for credit are queued, those of the own bus too', async () => {
  await start({ limits: { topicCredit: 1000 } });
  const { a, b } = pair;
  for (const { bus } of [a, b]) bus.subscribe('t', async () => await new Promise(() => {}));
  await turn();
  for (let i = 0; i < 4; i++) a.bus.publish('t', bytes(400)).catch(() => {});
  await turn();
  const stats = statsOf(a);
  const [{ queued }] = stats.peers;
  expect(queued.messages).toBeGreaterThan(0);
  expect(queued.bytes).toBe(queued.messages * 400);
  expect(stats.queued.messages).toBeGreaterThan(queued.messages);
  expect(stats.queued.bytes).toBe(stats.queued.messages * 400);
});
