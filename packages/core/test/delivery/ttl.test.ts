import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BACK_PRESSURED, BusError, OK } from '../../src/contract/index.ts';
import type { PublishOptions } from '../../src/options.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let red: Fabric;
let a: Participant;
let b: Participant;

beforeEach(async () => {
  red = new Fabric('red', { preferredFragment: 128 });
  pair = await Pair.create([red], { limits: { topicCredit: 1000 } });
  ({ a, b } = pair);
});
afterEach(async () => {
  expect([...a.errors, ...b.errors]).toEqual([]);
  await pair.close();
});

const publish = (bytes: number, options?: PublishOptions) => a.bus.publish('t', new Uint8Array(bytes), options);

/** Sizes of what a handler of `to` for `t` got, in order. */
function collect(to: Participant, wait?: () => Promise<unknown>): number[] {
  const sizes: number[] = [];
  to.bus.subscribe('t', ({ data }) => {
    sizes.push((data as Uint8Array).length);
    return wait?.();
  });
  return sizes;
}

/** Bytes for `t` that b has not given back. */
const inFlight = () => pair.link(a).outbound.topic('t', a.engine.interest.entry('t').hash).inFlight;

describe('a message whose time passes', () => {
  test('while it waits for credit is expired at that moment, and leaves no gap', async () => {
    const gates: (() => void)[] = [];
    const sizes = collect(b, () => new Promise<void>((resolve) => gates.push(resolve)));
    await turn();
    const sent = [publish(400), publish(401), publish(402)];
    await flow(red);
    const late = expect(publish(403, { ttl: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      data: {
        deliveries: [{ outcome: 'expired', via: undefined, reason: expect.stringContaining('its time passed') }],
      },
    });
    const last = publish(404);
    await pair.clock.advance(50);
    await late;
    for (let i = 0; i < 4; i++) {
      gates.shift()?.();
      await flow(red);
    }
    await Promise.all([...sent, last]);
    expect(sizes).toEqual([400, 401, 402, 404]);
    expect(a.engine.counters.outcomes).toMatchObject({ delivered: 4, expired: 1 });
    expect([b.engine.counters.received, b.engine.counters.expired, b.engine.counters.gaps]).toEqual([4, 0, 0]);
  });

  test('while it waits for a route is never sent, and its credit goes to others', async () => {
    const sizes = collect(b);
    await turn();
    red.closed = true;
    const publisher = a.bus.publisher('t', { ttl: 20 });
    expect([publisher.send(new Uint8Array(400)), publisher.send(new Uint8Array(400))]).toEqual([OK, OK]);
    expect(publisher.send(new Uint8Array(400))).toBe(BACK_PRESSURED);
    await turn();
    await pair.clock.advance(20);
    expect(await publisher.flush()).toEqual({
      delivered: 0,
      failed: [{ outcome: 'expired', count: 2, reason: 'its time passed: before it could be sent' }],
    });
    red.closed = false;
    const fresh = publish(7);
    for (let i = 0; i < 20 && sizes.length === 0; i++) {
      await pair.clock.advance(50);
      await flow(red);
    }
    await fresh;
    expect([sizes, inFlight()]).toEqual([[7], 0]);
  });

  test('unnoticed, since the timer is late, is not sent either', async () => {
    const sizes = collect(b);
    await turn();
    void publish(1);
    await flow(red);
    const lane = laneOf(red, 'a');
    lane.jammed = true;
    const late = expect(publish(2, { ttl: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const now = vi.spyOn(pair.clock, 'now').mockReturnValue(20);
    lane.unjam();
    await late;
    await flow(red);
    now.mockRestore();
    expect([sizes, lane.frames, b.engine.counters.received]).toEqual([[1], expect.any(Number), 1]);
  });

  test.each([
    ['in one frame', 50],
    ['in fragments', 300],
  ])('on its way, %s, is delivered to the bus and to no handler; its credit goes back', async (_, bytes) => {
    const sizes = collect(b);
    await turn();
    await Promise.all([publish(1), flow(red)]);
    const late = publish(bytes, { ttl: 50 });
    const good = publish(bytes + 1, { ttl: 51 });
    await turn();
    await pair.clock.advance(50);
    await flow(red);
    expect((await late).deliveries).toMatchObject([{ outcome: 'delivered' }]);
    await good;
    expect(sizes).toEqual([1, bytes + 1]);
    expect([b.engine.counters.received, b.engine.counters.expired, b.engine.counters.gaps]).toEqual([3, 1, 0]);
    void publish(600);
    void publish(300);
    await flow(red);
    expect(sizes.slice(2)).toEqual([600, 300]);
  });

  test('after its sequence was given is replayed all the same, so that its flow has no gap', async () => {
    const sizes = collect(b);
    await turn();
    await Promise.all([publish(1), flow(red)]);
    const late = publish(2, { ttl: 50 });
    const good = publish(3);
    await turn();
    laneOf(red, 'a').break(true);
    for (let i = 0; i < 5; i++) {
      await pair.clock.advance(50);
      await flow(red);
    }
    expect((await Promise.all([late, good])).map(({ deliveries }) => deliveries[0].outcome)).toEqual([
      'delivered',
      'delivered',
    ]);
    expect([sizes, b.engine.counters.expired]).toEqual([[1, 3], 1]);
  });

  test('in the queues of two subscriptions is counted once; who took it in time has it', async () => {
    const gates: (() => void)[] = [];
    const wait = () => new Promise<void>((resolve) => gates.push(resolve));
    const [slow, slower, quick] = [collect(b, wait), collect(b, wait), collect(b)];
    await turn();
    for (const bytes of [1, 2]) void publish(bytes, { ttl: 50 });
    void publish(3);
    await flow(red);
    expect([slow, slower, quick]).toEqual([[1], [1], [1, 2, 3]]);
    await pair.clock.advance(50);
    for (const gate of gates.splice(0)) gate();
    await turn();
    expect([slow, slower]).toEqual([
      [1, 3],
      [1, 3],
    ]);
    expect(b.engine.counters.expired).toBe(1);
    for (const gate of gates.splice(0)) gate();
    await turn();
    void publish(800);
    void publish(100);
    await flow(red);
    expect(quick.slice(3)).toEqual([800, 100]);
  });
});

describe('on the own bus', () => {
  test.each(['copy', 'reference'] as const)('by %s: expired in the queue, before it is anybody’s', async (local) => {
    const sizes = collect(a);
    const publisher = a.bus.publisher('t', { local, ttl: 10 });
    publisher.send(new Uint8Array(1));
    await turn();
    publisher.send(new Uint8Array(2));
    const now = vi.spyOn(pair.clock, 'now').mockReturnValue(10);
    await turn();
    now.mockRestore();
    expect(sizes).toEqual([1]);
    expect(await publisher.flush()).toMatchObject({ delivered: 1, failed: [{ outcome: 'expired', count: 1 }] });
    expect([a.engine.counters.received, a.engine.counters.expired]).toEqual([1, 0]);
  });

  test.each(['copy', 'reference'] as const)('by %s: expired in a subscription’s queue', async (local) => {
    const gates: (() => void)[] = [];
    const sizes = collect(a, () => new Promise<void>((resolve) => gates.push(resolve)));
    const publisher = a.bus.publisher('t', { local, ttl: 10 });
    for (const bytes of [400, 401]) publisher.send(new Uint8Array(bytes));
    await turn();
    await pair.clock.advance(10);
    gates.shift()?.();
    await turn();
    expect([sizes, a.engine.counters.expired]).toEqual([[400], 1]);
    expect(await publisher.flush()).toEqual({ delivered: 2, failed: [] });
    expect(a.engine.local.topic(a.engine.interest.entry('t')).inFlight).toBe(0);
  });

  test('expired while it waits for credit', async () => {
    const sizes = collect(a, () => new Promise(() => {}));
    for (const bytes of [400, 401, 402]) void publish(bytes);
    const late = expect(publish(403, { ttl: 10 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await turn();
    await pair.clock.advance(10);
    await late;
    expect(sizes).toEqual([400]);
  });
});

test('an iterator passes what has expired, and waits on', async () => {
  const messages = b.bus.subscribe('t')[Symbol.asyncIterator]();
  await turn();
  for (const bytes of [1, 2]) void publish(bytes, { ttl: 10 });
  await flow(red);
  await pair.clock.advance(10);
  const next = messages.next();
  void publish(3);
  await flow(red);
  expect(((await next).value.data as Uint8Array).length).toBe(3);
  expect(b.engine.counters.expired).toBe(2);
});

test('a message without a ttl reads no clock and sets no timer', async () => {
  collect(b);
  await turn();
  const publisher = a.bus.publisher('t', { reliability: 'best-effort' });
  publisher.send(1);
  await flow(red);
  const now = vi.spyOn(pair.clock, 'now');
  const timers = pair.clock.pending;
  for (let i = 0; i < 10; i++) publisher.send(i);
  await flow(red);
  expect([now.mock.calls.length, pair.clock.pending]).toEqual([0, timers]);
  expect(b.engine.counters.received).toBe(11);
});

/** Turns the clock on, by steps that let connections be tried again, until `condition`. */
async function waitFor(condition: () => boolean, ...fabrics: Fabric[]): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) {
    await pair.clock.advance(50);
    await turn();
    await flow(...fabrics);
  }
}

test('a timer that fires after its message was sent ends nothing: the receipt says delivered', async () => {
  const sizes = collect(b);
  await turn();
  red.closed = true;
  const sent = publish(1, { ttl: 5000 });
  await turn();
  red.closed = false;
  await waitFor(() => [...red.lanes].some(({ flying }) => flying > 0));
  await pair.clock.advance(5000);
  await flow(red);
  expect((await sent).deliveries).toMatchObject([{ outcome: 'delivered' }]);
  expect([sizes, b.engine.counters.expired]).toEqual([[], 1]);
});

test('a timer that fires when its message is another one ends nothing', async () => {
  const sizes = collect(b);
  await turn();
  red.closed = true;
  const sent = publish(1, { ttl: 5000 });
  await turn();
  red.closed = false;
  await waitFor(() => sizes.length === 1, red);
  await sent;
  red.closed = true;
  laneOf(red, 'a').break(true);
  const next = publish(2);
  await pair.clock.advance(6000);
  red.closed = false;
  await waitFor(() => sizes.length === 2, red);
  await next;
  expect([sizes, a.engine.counters.outcomes.expired]).toEqual([[1, 2], 0]);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null])('a ttl of %s is INVALID_OPTION', async (ttl) => {
  const options = { ttl: ttl as number };
  await expect(publish(1, options)).rejects.toMatchObject({ code: 'INVALID_OPTION', where: 'publish t' });
  expect(() => a.bus.publisher('t', options)).toThrow(BusError);
});

test('a ttl longer than time itself is none', async () => {
  const sizes = collect(b);
  await turn();
  const sent = publish(1, { ttl: Number.MAX_VALUE });
  await flow(red);
  await sent;
  expect(sizes).toEqual([1]);
});
