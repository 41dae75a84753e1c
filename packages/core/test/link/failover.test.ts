import { afterEach, describe, expect, test } from 'vitest';
import type { Message } from '../../src/message.ts';
import type { Policy } from '../../src/selector/policy.ts';
import { Fabric } from '../support/fabric.ts';
import { flow as flowOver, laneOf } from '../support/flow.ts';
import { Pair, type PairOptions, turn } from '../support/pair.ts';

/** Small on red, large on blue; the other one when that is down. */
const bySize: Policy = {
  name: 'by size',
  borders: [100],
  prefer: ({ bytes }) => ({ prefer: bytes <= 100 ? ['red', 'blue'] : ['blue', 'red'], reason: 'by size' }),
};

let pair: Pair;
let red: Fabric;
let blue: Fabric;

/** What b has received of `a.>`, as the numbers its payloads begin with. */
let received: number[];

async function start(options: PairOptions = {}, ...fabrics: Fabric[]): Promise<void> {
  red = fabrics[0] ?? new Fabric('red');
  blue = fabrics[1] ?? new Fabric('blue');
  pair = await Pair.create([red, blue], { policy: bySize, ...options });
  received = [];
  pair.b.bus.subscribe('a.>', ({ data }: Message<unknown>) => {
    received.push((data as Uint8Array)[0]);
  });
  await turn();
}

afterEach(async () => {
  expect([...pair.a.errors, ...pair.b.errors]).toEqual([]);
  await pair.close();
});

/** A payload of `bytes` that begins with `n`. */
function payload(n: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(n);
}

const flow = (): Promise<void> => flowOver(red, blue);

/** Both media connected in both directions. */
async function warmUp(): Promise<void> {
  pair.a.bus.subscribe('b.>', () => {});
  await turn();
  for (const bytes of [8, 500]) {
    for (const [from, topic] of [
      [pair.a, 'a.warm'],
      [pair.b, 'b.warm'],
    ] as const) {
      const published = from.bus.publish(topic, payload(0, bytes));
      await flow();
      await published;
    }
  }
  received.length = 0;
}

function outcomes(receipts: readonly { deliveries: readonly { outcome: string }[] }[]): string[] {
  return receipts.map(({ deliveries }) => deliveries.map(({ outcome }) => outcome).join());
}

describe('when a route closes', () => {
  test.each([
    ['lost', true],
    ['still arriving', false],
  ])('what it had not confirmed (%s) goes over another, once, in order', async (_, lose) => {
    await start();
    await warmUp();
    const published = [1, 2, 3].map((n) => pair.a.bus.publish('a.x', payload(n, 8)));
    await turn();
    expect(laneOf(red, 'a').flying).toBe(3);
    const [stale] = [...red.lanes].filter(({ owner }) => owner.startsWith('a'));
    stale.break(lose);
    const later = pair.a.bus.publish('a.x', payload(4, 8));
    await flow();
    expect(outcomes(await Promise.all([...published, later]))).toEqual(new Array(4).fill('delivered'));
    expect(received).toEqual([1, 2, 3, 4]);
  });

  test('and none is left, messages wait for its return instead of being refused', async () => {
    await start();
    await warmUp();
    const published = pair.a.bus.publish('a.x', payload(1, 8));
    await turn();
    for (const fabric of [red, blue]) {
      fabric.closed = true;
      laneOf(fabric, 'a').break(true);
    }
    const later = pair.a.bus.publish('a.x', payload(2, 8));
    await flow();
    expect(received).toEqual([]);
    red.closed = false;
    for (let i = 0; i < 20 && received.length < 2; i++) {
      await pair.clock.advance(50);
      await flow();
    }
    expect(outcomes(await Promise.all([published, later]))).toEqual(['delivered', 'delivered']);
    expect(received).toEqual([1, 2]);
  });

  test('with a half-written message, that begins again on the other at once', async () => {
    await start();
    await warmUp();
    const wire = laneOf(blue, 'a');
    const published = pair.a.bus.publish('a.x', payload(1, 40_000));
    await turn();
    expect(wire.flying).toBeGreaterThan(2);
    wire.deliver(2);
    wire.break(true);
    await flow();
    expect(outcomes([await published])).toEqual(['delivered']);
    expect(received).toEqual([1]);
  });

  test('and returns, a half-written message behind replayed ones begins again', async () => {
    await start();
    await warmUp();
    const small = pair.a.bus.publish('a.x', payload(1, 8), { via: 'red' });
    const large = pair.a.bus.publish('a.x', payload(2, 30_000), { via: 'blue' });
    await turn();
    red.closed = true;
    laneOf(red, 'a').break(true);
    laneOf(blue, 'a').break(true);
    await turn();
    await pair.clock.advance(100);
    const urgent = pair.a.bus.publish('a.x', payload(3, 8), { via: 'blue', priority: 'critical' });
    await flow();
    expect(received).toEqual([3]);
    red.closed = false;
    await pair.clock.advance(5000);
    await flow();
    expect(outcomes(await Promise.all([small, large, urgent]))).toEqual(new Array(3).fill('delivered'));
    expect(received).toEqual([3, 1, 2]);
  });

  test('fragments it still brings mix with those of the replay, in any interleaving', async () => {
    await start();
    await warmUp();
    const stale = laneOf(blue, 'a');
    const published = pair.a.bus.publish('a.x', payload(1, 12_000));
    await turn();
    stale.deliver(1);
    stale.break(false);
    await turn();
    const replay = laneOf(red, 'a');
    for (let i = 0; i < 12; i++) {
      (i % 2 === 0 ? replay : stale).deliver(1);
      await turn();
    }
    await flow();
    expect(outcomes([await published])).toEqual(['delivered']);
    expect(received).toEqual([1]);
  });

  test('with the confirmations of the other side, they are told again', async () => {
    await start();
    await warmUp();
    const published = pair.a.bus.publish('a.x', payload(1, 8));
    await turn();
    laneOf(red, 'a').deliver(10);
    await turn();
    expect(received).toEqual([1]);
    for (const fabric of [red, blue]) laneOf(fabric, 'b').break(true);
    for (let i = 0; i < 20 && pair.a.engine.counters.outcomes.delivered < 3; i++) {
      await pair.clock.advance(50);
      await flow();
    }
    expect(outcomes([await published])).toEqual(['delivered']);
    expect(received).toEqual([1]);
  });

  test('with best-effort messages, what comes after them does not wait for the lost', async () => {
    await start();
    await warmUp();
    for (const n of [1, 2]) await pair.a.bus.publish('a.x', payload(n, 8), { reliability: 'best-effort' });
    laneOf(red, 'a').break(true);
    const published = pair.a.bus.publish('a.x', payload(3, 8));
    await flow();
    expect(outcomes([await published])).toEqual(['delivered']);
    expect(received).toEqual([3]);
  });
});

test('a best-effort message of which only a fragment came, ahead of its turn, holds nobody up', async () => {
  await start();
  await warmUp();
  const first = pair.a.bus.publish('a.x', payload(1, 8));
  await pair.a.bus.publish('a.x', payload(2, 6000), { reliability: 'best-effort' });
  await turn();
  const wire = laneOf(blue, 'a');
  wire.deliver(1);
  // With both gone, the announcement of the loss comes before the replay.
  for (const fabric of [blue, red]) laneOf(fabric, 'a').break(true);
  const last = pair.a.bus.publish('a.x', payload(3, 8));
  for (let i = 0; i < 20 && received.length < 2; i++) {
    await pair.clock.advance(50);
    await flow();
  }
  expect(received).toEqual([1, 3]);
  expect(outcomes(await Promise.all([first, last]))).toEqual(['delivered', 'delivered']);
});

describe('two routes at once', () => {
  test('a flow over both arrives in order', async () => {
    await start();
    await warmUp();
    const published = [500, 8, 500, 8, 8].map((bytes, i) => pair.a.bus.publish('a.x', payload(i + 1, bytes)));
    await turn();
    laneOf(red, 'a').deliver(10);
    await turn();
    expect(received).toEqual([]);
    laneOf(blue, 'a').deliver(1);
    await turn();
    expect(received).toEqual([1, 2]);
    await flow();
    expect(received).toEqual([1, 2, 3, 4, 5]);
    await Promise.all(published);
  });

  test('a topic name is learnt from a frame that has to wait for its turn', async () => {
    await start();
    await warmUp();
    const options = (orderKey: string) => ({ orderKey });
    const first = pair.a.bus.publish('a.new', payload(1, 500), options('k1'));
    const held = pair.a.bus.publish('a.new', payload(2, 8), options('k1'));
    const other = pair.a.bus.publish('a.new', payload(3, 8), options('k2'));
    await turn();
    laneOf(red, 'a').deliver(10);
    await turn();
    expect(received).toEqual([3]);
    await flow();
    expect(received).toEqual([3, 1, 2]);
    await Promise.all([first, held, other]);
  });

  test('a message never takes one that cannot carry its size, however a smaller one of its class went', async () => {
    await start({}, new Fabric('red', { maxMessageLength: 50 }));
    await warmUp();
    const receipts = [8, 80, 9, 81].map((bytes, i) => pair.a.bus.publish('a.x', payload(i, bytes)));
    await flow();
    const routes = (await Promise.all(receipts)).map(({ deliveries }) => deliveries[0].via);
    expect(routes).toEqual(['red', 'blue', 'red', 'blue']);
  });
});

test('critical passes between the fragments of a large message', async () => {
  await start();
  await warmUp();
  const large = pair.a.bus.publish('a.large', payload(1, 100_000), { priority: 'batch' });
  await turn();
  const urgent = pair.a.bus.publish('a.urgent', payload(2, 500), { priority: 'critical' });
  await flow();
  expect(received).toEqual([2, 1]);
  expect(outcomes(await Promise.all([large, urgent]))).toEqual(['delivered', 'delivered']);
});

test('one that has no route at all is refused, with the reason of each transport', async () => {
  await start();
  await warmUp();
  const refused = pair.a.bus.publish('a.x', payload(1, 8), { via: 'green' });
  await expect(refused).rejects.toMatchObject({ message: expect.stringMatching(/red: .*forced via green.*blue: /) });
});

test('credit that an expired message held is free for those that wait', async () => {
  await start({ limits: { topicCredit: 1000 } });
  red.closed = true;
  blue.closed = true;
  const early = pair.a.bus.publish('a.x', payload(1, 900), { deadline: 20 });
  const waiting = pair.a.bus.publish('a.x', payload(2, 900));
  const expired = expect(early).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await pair.clock.advance(30);
  await expired;
  red.closed = false;
  blue.closed = false;
  for (let i = 0; i < 40 && received.length < 1; i++) {
    await pair.clock.advance(50);
    await flow();
  }
  expect(outcomes([await waiting])).toEqual(['delivered']);
  expect(received).toEqual([2]);
});

test('a message larger than the window passes after small ones whose credit was not reported', async () => {
  await start({ limits: { topicCredit: 8192, linkCredit: 16_384 } });
  const receipts: Promise<{ deliveries: readonly { outcome: string }[] }>[] = [];
  for (const [n, bytes] of [
    [1, 100],
    [2, 8000],
    [3, 20_000],
    [4, 100],
  ]) {
    receipts.push(pair.a.bus.publish('a.x', payload(n, bytes)));
    await flow();
  }
  expect(received).toEqual([1, 2, 3, 4]);
  expect(outcomes(await Promise.all(receipts))).toEqual(new Array(4).fill('delivered'));
});

describe('beside a route that loses frames', () => {
  const onRed = { reliability: 'best-effort', via: 'red' } as const;
  const onBlue = { reliability: 'best-effort', via: 'blue' } as const;

  /** The next message of a's on red is lost. */
  async function startLosing(options: PairOptions = {}): Promise<void> {
    await start(options, new Fabric('red', { lossless: false }));
    await warmUp();
    void pair.a.bus.publish('a.warm', payload(0, 8), onRed);
    await flow();
    received.length = 0;
    void pair.a.bus.publish('a.x', payload(1, 8), onRed);
    laneOf(red, 'a').lose();
  }

  test('what a lossless one carries is not given up with what is lost', async () => {
    const topicCredit = 1024;
    await startLosing({ limits: { topicCredit } });
    void pair.a.bus.publish('a.x', payload(2, 200), onBlue);
    void pair.a.bus.publish('a.x', payload(3, 8));
    await turn();
    // The word of the loss may overtake what was sent before it.
    expect(pair.link(pair.a).skips).toMatchObject([{ from: 1, to: 1 }]);
    await flow();
    expect(received).toEqual([2, 3]);
    const filling = pair.a.bus.publish('a.x', payload(4, topicCredit - 64));
    await flow();
    expect(outcomes([await filling])).toEqual(['delivered']);
  });

  test('a best-effort message of a lossless one does not wait for what is lost', async () => {
    await startLosing();
    void pair.a.bus.publish('a.x', payload(2, 200), onBlue);
    await flow();
    expect(received).toEqual([2]);
  });
});
