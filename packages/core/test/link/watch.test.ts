import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Message } from '../../src/message.ts';
import type { Policy } from '../../src/selector/policy.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

const redFirst: Policy = {
  name: 'red first',
  borders: [],
  targetsMicros: [2, 10, 100, 1000, undefined],
  prefer: () => ({ prefer: ['red', 'blue'], reason: 'red first' }),
};

let pair: Pair;
let red: Fabric;
let blue: Fabric;
let received: number[];

async function start(policy: Policy = redFirst): Promise<void> {
  red = new Fabric('red');
  blue = new Fabric('blue');
  pair = await Pair.create([red, blue], { policy });
  received = [];
  pair.b.bus.subscribe('a.>', ({ data }: Message<unknown>) => void received.push((data as Uint8Array)[0]));
  await turn();
  // Both are connected, and the first messages of each priority, which are measured, have passed.
  for (const via of ['red', 'blue']) {
    for (const priority of ['high', 'normal'] as const) await arrive(send(0, { via, priority }), red, blue);
  }
  received.length = 0;
}

beforeEach(() => start());

afterEach(async () => {
  expect([...pair.a.errors, ...pair.b.errors]).toEqual([]);
  await pair.close();
});

type Options = Parameters<Pair['a']['bus']['publish']>[2];

/** Resolves to the transport that carried it. */
async function send(n: number, options: Options = {}): Promise<string | undefined> {
  const { deliveries } = await pair.a.bus.publish('a.x', new Uint8Array(8).fill(n), options);
  expect(deliveries.map(({ outcome }) => outcome)).toEqual(['delivered']);
  return deliveries[0].via;
}

/** Everything on the wires of `fabrics` arrives, until `done`. */
async function arrive<T>(done: Promise<T>, ...fabrics: Fabric[]): Promise<T> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  done.then(end, end);
  for (let quiet = 0; quiet < 4 && !over; ) {
    const lanes = fabrics.flatMap((fabric) => [...fabric.lanes]);
    quiet = lanes.some(({ flying }) => flying > 0) ? 0 : quiet + 1;
    for (const lane of lanes) lane.deliver(1000);
    await turn();
  }
  return done;
}

/** `ms` pass, step by step, while the wires of `fabrics` carry what is on them. */
async function pass(ms: number, ...fabrics: Fabric[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    await pair.clock.advance(10);
    for (let i = 0; i < 3; i++) {
      for (const fabric of fabrics) for (const lane of fabric.lanes) lane.deliver(1000);
      await turn();
    }
  }
}

function route(transport: string) {
  const info = pair.a.bus.routes().find((one) => one.transport === transport);
  if (info === undefined) throw new Error(`no route ${transport}`);
  return info;
}

describe('a route on which nothing moves', () => {
  test('is given up while the peer answers: what it had not confirmed goes over another, once', async () => {
    const sent = send(1);
    await turn();
    const stuck = laneOf(red, 'a');
    expect(stuck.flying).toBeGreaterThan(0);
    await pass(600, blue);
    expect(await sent).toBe('blue');
    expect(stuck.standing).toBe(false);
    stuck.deliver(1000);
    await turn();
    expect(received).toEqual([1]);
  });

  test('and has nothing under way is given up, too, when what would come over it is waited for', async () => {
    let handle = (): void => {};
    const held = new Promise<void>((resolve) => {
      handle = resolve;
    });
    pair.b.bus.subscribe('c.x', () => held);
    await turn();
    const BYTES = 100_000;
    const sent = Array.from({ length: 5 }, () => pair.a.bus.publish('c.x', new Uint8Array(BYTES)));
    await flow(red, blue);
    const link = pair.link(pair.a);
    expect([link.queued.messages > 0, ...link.routes.map(({ window }) => window.first)]).toEqual([
      true,
      undefined,
      undefined,
    ]);
    // The credit that comes back is stuck on red.
    handle();
    await pass(900, blue);
    expect(laneOf(red, 'a').standing).toBe(true);
    await pass(600, blue);
    await arrive(Promise.all(sent), blue);
    expect(link.queued.messages).toBe(0);
  });

  test('is not given up while the peer answers nothing at all', async () => {
    pair.control.hold();
    const sent = send(1);
    await pass(5000);
    expect(laneOf(red, 'a').standing).toBe(true);
    pair.control.pass();
    expect(await arrive(sent, red, blue)).toBe('red');
  });

  test('is not given up by a policy that is fixed', async () => {
    await pair.close();
    await start({ ...redFirst, targetsMicros: undefined });
    const sent = send(1);
    await pass(5000, blue);
    expect(laneOf(red, 'a').standing).toBe(true);
    expect(await arrive(sent, red)).toBe('red');
  });
});

test('there is one review at a time, though transports come and go meanwhile', async () => {
  const { adaptation } = pair.link(pair.a);
  if (adaptation === undefined) throw new Error('two routes, and none is looked after');
  const review = vi.spyOn(adaptation, 'review');
  const traffic = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      const sent = send(1, { via: 'blue' });
      await pass(50, red, blue);
      await sent;
    }
  };
  await traffic(150);
  const removed = pair.a.bus.remove('red');
  await pass(20, red, blue);
  await removed;
  red = new Fabric('red');
  const added = pair.a.bus.use(red.plugin());
  await pass(20, red, blue);
  await added;
  review.mockClear();
  await traffic(1000);
  expect(review.mock.calls.length).toBeGreaterThanOrEqual(8);
  expect(review.mock.calls.length).toBeLessThanOrEqual(11);
  expect(review.mock.calls.length).toBeLessThanOrEqual(11);
});

describe('a route that is full', () => {
  test('is left by a class whose patience is over, and taken again later', async () => {
    const lane = laneOf(red, 'a');
    lane.jammed = true;
    const urgent = send(1, { priority: 'high' });
    const patient = send(2, { priority: 'normal' });
    await pass(30, blue);
    expect(await urgent).toBe('blue');
    const [explained] = pair.a.bus.explain('a.x', 8, { priority: 'high' });
    expect(explained).toMatchObject({ transport: 'blue', reason: 'red first; red is left: it had no room for 10 ms' });
    expect(explained.rejected).toEqual([
      { transport: 'red', reason: 'left: it had no room for 10 ms', temporary: false },
    ]);
    expect(pair.a.bus.explain('a.x', 8, { priority: 'normal' })[0].transport).toBe('red');
    expect(route('red')).toMatchObject({ state: 'degraded', reason: 'it had no room for 10 ms' });
    expect(route('red').fullMillis).toBeGreaterThan(10);
    await pass(100, blue);
    expect(await patient).toBe('blue');
    expect(route('blue').chosen).toContainEqual({ rule: 'red first; red is full', messages: 2 });
    // It is stuck, too, and given up; the next connection has room.
    await pass(2500, red, blue);
    const traffic = send(3, { priority: 'high' });
    await pass(300, red, blue);
    await traffic;
    expect(await arrive(send(4, { priority: 'high' }), red, blue)).toBe('red');
    expect(received).toEqual(expect.arrayContaining([1, 2, 3, 4]));
    expect(received).toHaveLength(4);
  });
});

describe('what is measured', () => {
  test('comes from the peer, by size, and stands in routes()', async () => {
    const sent = send(1, { priority: 'critical', via: 'red' });
    await turn();
    await pass(60);
    await arrive(sent, red);
    await arrive(Promise.resolve(), red, blue);
    const [small, ...more] = route('red').latencies;
    expect(small).toMatchObject({ band: 'up to 1 KiB', woke: undefined });
    expect(small.awake?.p99Micros).toBe(60_000);
    expect(more).toEqual([]);
  });

  test('makes a class leave what misses its target, while another meets it, and return', async () => {
    const vias: (string | undefined)[] = [];
    /** Frames take 10 ms over red, and none over blue. */
    const traffic = async (ms: number, slow: boolean): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        // Each is the first of its priority on a topic's route now and then: 64 make one sample.
        const sent = Array.from({ length: 64 }, (_, i) => send(i, { priority: 'high' }));
        await turn();
        if (!slow) for (const lane of red.lanes) lane.deliver(1000);
        for (const lane of blue.lanes) lane.deliver(1000);
        await pair.clock.advance(10);
        for (const lane of red.lanes) lane.deliver(1000);
        vias.push(...new Set(await arrive(Promise.all(sent), red, blue)));
      }
    };
    await traffic(1500, true);
    expect([vias[0], vias.at(-1)]).toEqual(['red', 'blue']);
    expect(route('red')).toMatchObject({ state: 'degraded', reason: expect.stringContaining('misses 10 us') });
    await traffic(2500, false);
    expect(vias.at(-1)).toBe('red');
    expect(route('red').state).toBe('up');
    const changes = vias.filter((via, i) => i > 0 && via !== vias[i - 1]);
    expect(changes).toEqual(['blue', 'red']);
  });
});

describe('an early best-effort message', () => {
  const BEST_EFFORT = { reliability: 'best-effort' } as const;

  test('waits 2 ms for best-effort ones on a slower road; those come late, and their credit returns', async () => {
    await pair.a.bus.publish('a.x', new Uint8Array(8).fill(1), { ...BEST_EFFORT, via: 'red' });
    await pair.a.bus.publish('a.x', new Uint8Array(8).fill(2), { ...BEST_EFFORT, via: 'blue' });
    await arrive(Promise.resolve(), blue);
    expect(received).toEqual([]);
    await pair.clock.advance(1);
    expect(received).toEqual([]);
    await pair.clock.advance(1);
    expect(received).toEqual([2]);
    expect(pair.b.bus.counters.gaps).toBe(1);
    await arrive(Promise.resolve(), red, blue);
    expect(received).toEqual([2]);
    expect([pair.b.bus.counters.late, pair.b.bus.counters.duplicates]).toEqual([1, 0]);
    // As much as a window holds can be sent, again and again: no credit has leaked.
    const publisher = pair.a.bus.publisher('a.x', { reliability: 'best-effort' });
    for (let i = 0; i < 10; i++) {
      expect(publisher.send(new Uint8Array(250_000))).toBe(0);
      await arrive(Promise.resolve(), red, blue);
    }
  });

  test('waits for a reliable one as long as it takes', async () => {
    const reliable = send(1, { via: 'red' });
    await turn();
    await pair.a.bus.publish('a.x', new Uint8Array(8).fill(2), { ...BEST_EFFORT, via: 'blue' });
    await arrive(Promise.resolve(), blue);
    await pair.clock.advance(50);
    expect(received).toEqual([]);
    await arrive(reliable, red, blue);
    expect(received).toEqual([1, 2]);
    expect([pair.b.bus.counters.gaps, pair.b.bus.counters.late]).toEqual([0, 0]);
  });
});
