import { afterEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { BACK_PRESSURED, CLOSED, OK } from '../../src/contract/index.ts';
import { topic } from '../../src/contracts.ts';
import type { Publisher } from '../../src/delivery/publisher.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, type PairOptions, type Participant, turn } from '../support/pair.ts';

/** Room for two messages of 400 bytes a topic. */
const limits = { topicCredit: 1000 };

let pair: Pair;
let a: Participant;
let b: Participant;
/** How often the process is held by what the test did. */
let held: () => number;

async function start(options: PairOptions = {}, ...fabrics: Fabric[]): Promise<void> {
  pair = await Pair.create(fabrics, { limits, ...options });
  ({ a, b } = pair);
  const holds = vi.spyOn(a.engine, 'holdProcess');
  const releases = vi.spyOn(a.engine, 'releaseProcess');
  held = () => holds.mock.calls.length - releases.mock.calls.length;
}

afterEach(() => pair.close());

const bytes = (n: number) => new Uint8Array(n);

/** Sends messages of 400 bytes until the window is full; returns how many went. */
function fill(publisher: Publisher): number {
  let sent = 0;
  while (sent < 100 && publisher.send(bytes(400)) === OK) sent++;
  return sent;
}

/** Follows a promise without waiting for it. */
function watched(promise: Promise<unknown>): { settled: boolean } {
  const state = { settled: false };
  const settle = (): void => {
    state.settled = true;
  };
  void promise.then(settle, settle);
  return state;
}

describe('without credit', () => {
  test('of one target nothing is sent to any', async () => {
    const red = new Fabric('red');
    await start({}, red);
    b.bus.subscribe('t');
    let local = 0;
    a.bus.subscribe('t', () => {
      local++;
    });
    await turn();
    const publisher = a.bus.publisher('t');
    expect(fill(publisher)).toBe(2);
    expect(publisher.send(bytes(400))).toBe(BACK_PRESSURED);
    await flow(red);
    expect(publisher.send(bytes(400))).toBe(BACK_PRESSURED);
    expect(await publisher.flush()).toEqual({ delivered: 4, failed: [] });
    expect([local, a.engine.counters.targets]).toEqual([2, 4]);
  });

  test('a value is neither checked nor encoded', async () => {
    await start();
    a.bus.subscribe('t');
    const check = vi.fn((value: unknown) => ({ value }));
    const schema = { '~standard': { version: 1, vendor: 'test', validate: check } } as const;
    const publisher = a.bus.publisher(topic('t', schema));
    expect([fill(publisher), check.mock.calls.length]).toEqual([2, 2]);
  });

  test('for a value larger than the one before it, that is not sent either', async () => {
    await start();
    const subscription = a.bus.subscribe('t');
    const publisher = a.bus.publisher('t');
    expect(publisher.send(bytes(10))).toBe(OK);
    expect(publisher.send(bytes(900))).toBe(BACK_PRESSURED);
    expect(a.engine.counters.targets).toBe(1);
    const writable = publisher.writable();
    const state = watched(writable);
    await turn();
    expect(state.settled).toBe(false);
    await subscription[Symbol.asyncIterator]().next();
    await writable;
    expect(publisher.send(bytes(900))).toBe(OK);
  });

  test('writable resolves when it returns, and send works again', async () => {
    await start();
    const messages = a.bus.subscribe('t')[Symbol.asyncIterator]();
    const publisher = a.bus.publisher('t');
    fill(publisher);
    await publisher.flush();
    const before = held();
    const writable = publisher.writable();
    const state = watched(writable);
    await turn();
    expect([state.settled, held() - before]).toEqual([false, 1]);
    await messages.next();
    await writable;
    await turn();
    expect(held() - before).toBe(0);
    expect([publisher.send(bytes(400)), publisher.send(bytes(400))]).toEqual([OK, BACK_PRESSURED]);
  });

  test('of a peer, writable resolves when the peer reports it', async () => {
    const red = new Fabric('red');
    await start({}, red);
    const messages = b.bus.subscribe('t')[Symbol.asyncIterator]();
    await turn();
    const publisher = a.bus.publisher('t');
    fill(publisher);
    const writable = publisher.writable();
    const state = watched(writable);
    await flow(red);
    expect(state.settled).toBe(false);
    await messages.next();
    await flow(red);
    await writable;
    expect(publisher.send(bytes(400))).toBe(OK);
  });

  test.each([
    ['the deadline given', 50, { deadline: 50 }],
    ['the usual one', 200, undefined],
  ])('writable rejects after %s, and waits for nothing any more', async (_, ms, options) => {
    await start({ limits: { ...limits, deadlineMs: 200 } });
    const messages = a.bus.subscribe('t')[Symbol.asyncIterator]();
    const publisher = a.bus.publisher('t');
    fill(publisher);
    await publisher.flush();
    const before = held();
    const writable = publisher.writable(options);
    const rejected = expect(writable).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      where: 'publisher t',
      remedy: expect.stringContaining('subscriber'),
    });
    const state = watched(writable);
    await pair.clock.advance(ms - 1);
    expect(state.settled).toBe(false);
    await pair.clock.advance(1);
    await rejected;
    await turn();
    expect(held() - before).toBe(0);
    const asks = vi.spyOn(a.engine, 'awaitRoom');
    a.engine.roomReturned();
    await messages.next();
    expect(asks).not.toHaveBeenCalled();
  });

  test.each([-1, 0, Number.NaN])('a deadline of %d ms is a rejection, and nothing is held', async (deadline) => {
    await start();
    a.bus.subscribe('t');
    const publisher = a.bus.publisher('t');
    fill(publisher);
    await publisher.flush();
    const before = held();
    const asks = vi.spyOn(a.engine, 'awaitRoom');
    await expect(publisher.writable({ deadline })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      where: 'publisher t',
    });
    expect([held() - before, asks.mock.calls.length]).toEqual([0, 0]);
  });

  test('best-effort is taken all the same', async () => {
    await start();
    a.bus.subscribe('t');
    const publisher = a.bus.publisher('t', { reliability: 'best-effort' });
    for (let i = 0; i < 5; i++) expect(publisher.send(bytes(400))).toBe(OK);
    await publisher.writable();
  });
});

describe('after close', () => {
  test('send answers CLOSED, writable rejects, flush has nothing to wait for', async () => {
    await start();
    const publisher = a.bus.publisher('t');
    await a.bus.close();
    expect(publisher.send(bytes(1))).toBe(CLOSED);
    await expect(publisher.writable()).rejects.toMatchObject({ code: 'CLOSED', where: 'publisher t' });
    expect(await publisher.flush()).toEqual({ delivered: 0, failed: [] });
  });

  test('who waits is told: writable rejects, flush counts what was dropped', async () => {
    const red = new Fabric('red');
    await start({}, red);
    b.bus.subscribe('t');
    await turn();
    const publisher = a.bus.publisher('t');
    fill(publisher);
    const writable = expect(publisher.writable()).rejects.toMatchObject({ code: 'CLOSED' });
    const flushed = publisher.flush();
    await Promise.all([a.bus.close({ timeout: 5 }), pair.clock.advance(10)]);
    await writable;
    expect(await flushed).toEqual({
      delivered: 0,
      failed: [{ outcome: 'dropped', count: 2, reason: 'the bus was closed' }],
    });
  });
});

describe('flush', () => {
  test('resolves at once when nothing is under way', async () => {
    await start();
    const publisher = a.bus.publisher('t');
    expect(await publisher.flush()).toEqual({ delivered: 0, failed: [] });
    expect(publisher.send(1)).toBe(OK);
    expect(await publisher.flush()).toEqual({ delivered: 0, failed: [] });
    expect([a.engine.counters.unrouted, pair.clock.pending]).toEqual([1, 0]);
  });

  test('waits for the last delivery, which also lets the process go', async () => {
    const red = new Fabric('red');
    await start({}, red);
    const subscription = a.bus.subscribe('t', () => {});
    b.bus.subscribe('t', () => {});
    await turn();
    const before = held();
    const publisher = a.bus.publisher('t');
    publisher.send(bytes(8));
    publisher.send(bytes(8));
    const flushes = [publisher.flush(), publisher.flush()];
    const states = flushes.map(watched);
    await turn();
    expect(a.engine.counters.outcomes.delivered).toBe(2);
    expect(states.map(({ settled }) => settled)).toEqual([false, false]);
    expect(held() - before).toBe(1);
    await flow(red);
    expect(await Promise.all(flushes)).toEqual(new Array(2).fill({ delivered: 4, failed: [] }));
    expect(held() - before).toBe(0);
    subscription.close();
  });

  test('reports delivered and failed by outcome, each since the last time', async () => {
    await start();
    a.bus.subscribe('t');
    b.bus.subscribe('t');
    await turn();
    const publisher = a.bus.publisher('t', { reliability: 'best-effort' });
    for (let i = 0; i < 5; i++) publisher.send(bytes(400));
    const { delivered, failed } = await publisher.flush();
    expect(delivered).toBe(2);
    expect(failed.toSorted((one, other) => one.count - other.count)).toEqual([
      { outcome: 'dropped', count: 3, reason: 'no credit: the subscriber is behind' },
      { outcome: 'refused', count: 5, reason: 'no route: no transport in common with b' },
    ]);
    publisher.send(bytes(400));
    expect(await publisher.flush()).toMatchObject({ delivered: 0, failed: [{ count: 1 }, { count: 1 }] });
    expect(await publisher.flush()).toEqual({ delivered: 0, failed: [] });
  });

  test('counts what a peer that left had not confirmed', async () => {
    const red = new Fabric('red');
    await start({}, red);
    b.bus.subscribe('t', () => {});
    await turn();
    const publisher = a.bus.publisher('t');
    publisher.send(bytes(8));
    publisher.send(bytes(8));
    await turn();
    const flushed = publisher.flush();
    await b.bus.close();
    expect(await flushed).toEqual({
      delivered: 0,
      failed: [{ outcome: 'peer-gone', count: 2, reason: 'the peer has left' }],
    });
  });

  test('rejects after its deadline; what is open stays under way and is settled later', async () => {
    const red = new Fabric('red');
    await start({}, red);
    let received = 0;
    b.bus.subscribe('t', () => {
      received++;
    });
    await turn();
    const publisher = a.bus.publisher('t');
    publisher.send(bytes(8));
    const late = expect(publisher.flush({ deadline: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await pair.clock.advance(20);
    await late;
    const again = watched(publisher.flush());
    await flow(red);
    expect([received, again.settled, a.engine.counters.outcomes.delivered]).toEqual([1, true, 1]);
  });

  test('that was late leaves the report to the next', async () => {
    const red = new Fabric('red');
    await start({}, red);
    b.bus.subscribe('t', () => {});
    await turn();
    const publisher = a.bus.publisher('t');
    publisher.send(bytes(8));
    const late = expect(publisher.flush({ deadline: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await pair.clock.advance(20);
    await late;
    await flow(red);
    expect(await publisher.flush()).toEqual({ delivered: 1, failed: [] });
  });

  test.each([-1, 0, Number.NaN])('with a deadline of %d ms is a rejection, and leaves the report', async (deadline) => {
    await start();
    a.bus.subscribe('t', () => {});
    const publisher = a.bus.publisher('t');
    const invalid = { code: 'INVALID_OPTION', where: 'publisher t' };
    publisher.send(bytes(8));
    await expect(publisher.flush({ deadline })).rejects.toMatchObject(invalid);
    await turn();
    await expect(publisher.flush({ deadline })).rejects.toMatchObject(invalid);
    expect(await publisher.flush()).toEqual({ delivered: 1, failed: [] });
  });

  test('tells the last reason of an outcome', async () => {
    await start({ limits: { maxQueuedBytes: 100 } });
    b.bus.subscribe('t');
    await turn();
    const publisher = a.bus.publisher('t');
    const refused = async (...sizes: number[]) => {
      for (const size of sizes) publisher.send(bytes(size));
      return (await publisher.flush()).failed;
    };
    const full = 'too much queued: more than 100 bytes are queued for this peer';
    const unreachable = 'no route: no transport in common with b';
    expect(await refused(10, 200)).toEqual([{ outcome: 'refused', count: 2, reason: full }]);
    expect(await refused(200, 10)).toEqual([{ outcome: 'refused', count: 2, reason: unreachable }]);
  });
});

describe('a value that cannot be sent throws and leaves nothing under way', () => {
  const Tick = topic('t', z.object({ px: z.number() }));

  test.each([
    ['SCHEMA_MISMATCH', Tick, { px: 'much' }],
    ['NOT_SERIALIZABLE', 't', { px: () => 1 }],
    ['TOO_LARGE', 't', bytes(501)],
  ])('%s', async (code, name, value) => {
    await start({ limits: { ...limits, maxMessageBytes: 500 } });
    const seen: unknown[] = [];
    a.bus.subscribe('t', ({ data }) => seen.push(data));
    const before = held();
    const publisher = a.bus.publisher(name as string);
    expect(() => publisher.send(value)).toThrow(expect.objectContaining({ code, where: expect.stringContaining('t') }));
    expect([a.engine.counters.targets, held() - before]).toEqual([0, 0]);
    expect(await publisher.flush()).toEqual({ delivered: 0, failed: [] });
    expect(publisher.send({ px: 1 })).toBe(OK);
    expect(await publisher.flush()).toEqual({ delivered: 1, failed: [] });
    expect(seen).toEqual([{ px: 1 }]);
  });
});

test.each(['drop-newest', 'drop-oldest', 'error'] as const)(
  'by reference, %s: who has just come gets the value',
  async (onFull) => {
    const red = new Fabric('red');
    await start({}, red);
    const publisher = a.bus.publisher<unknown>('t', { local: 'reference', onFull });
    const seen: unknown[] = [];
    a.bus.subscribe('t', () => {});
    expect(publisher.send({ n: 1 })).toBe(OK);
    b.bus.subscribe('t', ({ data }) => void seen.push(data));
    await turn();
    expect(publisher.send({ n: 2 })).toBe(OK);
    await flow(red);
    expect([seen, b.errors]).toEqual([[{ n: 2 }], []]);
  },
);
