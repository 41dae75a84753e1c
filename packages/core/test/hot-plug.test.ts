import { afterEach, describe, expect, test } from 'vitest';
import { KIND, type PeerTransport, type TransportContext } from '../src/contract/index.ts';
import type { Message } from '../src/message.ts';
import { Fabric, type FabricReceiver } from './support/fabric.ts';
import { flow as flowOver, laneOf } from './support/flow.ts';
import { Pair, type Participant, turn } from './support/pair.ts';

let pair: Pair;
let fabrics: Fabric[];
let received: number[];
let vias: string[];

async function start(...names: string[]): Promise<void> {
  fabrics = names.map((name) => new Fabric(name));
  pair = await Pair.create(fabrics, {
    policy: { name: 'red first', borders: [], prefer: () => ({ prefer: ['red', 'blue'], reason: 'red first' }) },
  });
  received = [];
  vias = [];
  pair.b.bus.subscribe('a.>', ({ data, via }: Message<unknown>) => {
    received.push((data as Uint8Array)[0]);
    vias.push(via);
  });
  await turn();
}

afterEach(async () => {
  expect([...pair.a.errors, ...pair.b.errors]).toEqual([]);
  await pair.close();
});

const flow = (): Promise<void> => flowOver(...fabrics);

async function arrive<T>(done: Promise<T>): Promise<T> {
  await flow();
  return done;
}

async function send(n: number, bytes = 8): Promise<string> {
  const receipt = pair.a.bus.publish('a.x', new Uint8Array(bytes).fill(n));
  await flow();
  return (await receipt).deliveries.map(({ outcome, via }) => `${outcome} via ${via}`).join();
}

/** `change` on both sides, with everything arriving meanwhile. */
async function both(change: (one: Participant) => Promise<void>): Promise<void> {
  const done = Promise.all([change(pair.a), change(pair.b)]);
  await flow();
  await done;
}

describe('a transport that is added while the bus runs', () => {
  test('is taken as the policy says, once both sides have it', async () => {
    await start('blue');
    expect(await send(1)).toBe('delivered via blue');
    const red = new Fabric('red');
    fabrics.push(red);
    await pair.a.bus.use(red.plugin());
    expect(await send(2)).toBe('delivered via blue');
    await pair.b.bus.use(red.plugin());
    expect(await send(3)).toBe('delivered via red');
    expect(received).toEqual([1, 2, 3]);
  });

  test('is refused when its name is taken, with what to do', async () => {
    await start('red');
    await expect(pair.a.bus.use(fabrics[0].plugin())).rejects.toMatchObject({
      code: 'DUPLICATE_TRANSPORT',
      remedy: expect.stringContaining('remove it first'),
    });
  });

  test('is refused, and listed, when it cannot be used; and used when it can', async () => {
    await start('blue');
    const red = new Fabric('red');
    fabrics.push(red);
    const broken = {
      ...red.plugin(),
      probe: async () => ({ available: false, code: 'NO_RED', reason: 'no red here', fix: 'paint it' }) as const,
    };
    await expect(pair.a.bus.use(broken)).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE', remedy: 'paint it' });
    expect(pair.a.bus.unavailable).toEqual([
      { transport: 'red', code: 'NO_RED', reason: 'no red here', fix: 'paint it' },
    ]);
    await both(({ bus }) => bus.use(red.plugin()));
    expect(pair.a.bus.unavailable).toEqual([]);
    expect(await send(1)).toBe('delivered via red');
  });
});

test('two that are added at once under one name: one is taken, the other refused', async () => {
  await start('blue');
  const red = new Fabric('red');
  fabrics.push(red);
  const [first, second] = [pair.a.bus.use(red.plugin()), pair.a.bus.use(new Fabric('red').plugin())];
  await expect(second).rejects.toMatchObject({ code: 'DUPLICATE_TRANSPORT' });
  await first;
  await pair.b.bus.use(red.plugin());
  expect(await send(1)).toBe('delivered via red');
});

describe('towards a peer that is stopped', () => {
  test('use() is told so in time, and the transport serves when the peer goes on', async () => {
    await start('blue');
    const red = new Fabric('red');
    fabrics.push(red);
    await pair.b.bus.use(red.plugin());
    pair.control.hold();
    const used = pair.a.bus.use(red.plugin());
    const late = expect(used).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await turn();
    await pair.clock.advance(pair.a.engine.limits.deadlineMs);
    await late;
    pair.control.pass();
    await flow();
    expect(await send(1)).toBe('delivered via red');
  });

  test('remove() ends in time, though the peer has not let go', async () => {
    await start('red', 'blue');
    await send(0);
    pair.control.hold();
    const removed = pair.a.bus.remove('red');
    await flow();
    await pair.clock.advance(5000);
    await removed;
    pair.control.pass();
    expect(await send(1)).toBe('delivered via blue');
  });
});

describe('a transport that is removed while the bus runs', () => {
  test('and cannot be closed is gone all the same', async () => {
    await start('blue');
    const red = new Fabric('red');
    const stubborn = {
      ...red.plugin(),
      create: async (context: TransportContext) => {
        const medium = (await red.plugin().create(context)) as PeerTransport;
        return { ...medium, close: () => Promise.reject(new Error('it is stuck')) };
      },
    };
    await pair.a.bus.use(stubborn);
    await pair.a.bus.remove('red');
    fabrics.push(red);
    await both(({ bus }) => bus.use(red.plugin()));
    expect(await send(1)).toBe('delivered via red');
  });

  test('while the link breaks and resumes: it is not taken into use again', async () => {
    await start('red', 'blue');
    await send(0);
    const published = pair.a.bus.publish('a.x', new Uint8Array(8).fill(1));
    await turn();
    expect(laneOf(fabrics[0], 'a').flying).toBeGreaterThan(0);
    const removed = pair.a.bus.remove('red');
    for (const side of [pair.a, pair.b]) pair.link(side).suspend();
    for (const side of [pair.a, pair.b]) {
      const link = pair.link(side);
      link.resume(link.peer);
    }
    await flow();
    await removed;
    expect((await published).deliveries.map(({ outcome, via }) => [outcome, via])).toEqual([['delivered', 'blue']]);
    expect(received).toEqual([0, 1]);
  });

  test.each(['the sender', 'the receiver'])(
    'by %s: what it carries arrives, the rest goes over another',
    async (who) => {
      await start('red', 'blue');
      await send(0);
      const under = [1, 2, 3].map((n) => pair.a.bus.publish('a.x', new Uint8Array(8).fill(n)));
      await turn();
      const red = laneOf(fabrics[0], 'a');
      expect(red.flying).toBeGreaterThan(0);
      const removed = (who === 'the sender' ? pair.a : pair.b).bus.remove('red');
      if (who === 'the receiver') await turn();
      const later = pair.a.bus.publish('a.x', new Uint8Array(8).fill(4));
      await flow();
      await removed;
      const receipts = await Promise.all([...under, later]);
      expect(receipts.map(({ deliveries }) => deliveries[0].via)).toEqual(['red', 'red', 'red', 'blue']);
      expect(received).toEqual([0, 1, 2, 3, 4]);
      expect(pair.b.bus.counters.duplicates).toBe(0);
      expect([...fabrics[0].lanes].filter(({ standing }) => standing)).toEqual([]);
      expect(pair.link(pair.a).routes.map(({ transport }) => transport)).toEqual(['blue']);
      expect(pair.link(pair.b).routes.map(({ transport }) => transport)).toEqual(['blue']);
    },
  );

  test('loses no best-effort message that it carries', async () => {
    await start('red', 'blue');
    await send(0);
    const publisher = pair.a.bus.publisher<Uint8Array>('a.x', { reliability: 'best-effort' });
    for (const n of [1, 2, 3]) publisher.send(new Uint8Array(8).fill(n));
    await turn();
    const removed = pair.a.bus.remove('red');
    publisher.send(new Uint8Array(8).fill(4));
    await flow();
    await removed;
    expect(received).toEqual([0, 1, 2, 3, 4]);
    expect(pair.b.bus.counters.gaps).toBe(0);
  });

  test('with a half-written message, that begins again on another', async () => {
    await start('red', 'blue');
    await send(0);
    const large = pair.a.bus.publish('a.x', new Uint8Array(100_000).fill(1));
    await turn();
    const removed = pair.a.bus.remove('red');
    await flow();
    await removed;
    expect((await large).deliveries.map(({ outcome, via }) => [outcome, via])).toEqual([['delivered', 'blue']]);
    expect(received).toEqual([0, 1]);
  });

  test('with a peer that does not read: what it has not confirmed goes over another after a second', async () => {
    await start('red', 'blue');
    await send(0);
    const published = pair.a.bus.publish('a.x', new Uint8Array(8).fill(1));
    await turn();
    let removed = false;
    void pair.a.bus.remove('red').then(() => {
      removed = true;
    });
    await turn();
    await pair.clock.advance(999);
    expect(removed).toBe(false);
    await pair.clock.advance(1);
    const blue = fabrics[1];
    for (let i = 0; i < 8; i++) {
      for (const lane of blue.lanes) lane.deliver(1000);
      await turn();
    }
    expect((await published).deliveries.map(({ via }) => via)).toEqual(['blue']);
    await flow();
    expect(received).toEqual([0, 1]);
  });

  test('comes back under its name', async () => {
    await start('red', 'blue');
    await send(0);
    await both(({ bus }) => bus.remove('red'));
    expect(await send(1)).toBe('delivered via blue');
    fabrics[0] = new Fabric('red');
    await both(({ bus }) => bus.use(fabrics[0].plugin()));
    expect(await send(2)).toBe('delivered via red');
    expect(received).toEqual([0, 1, 2]);
    expect(vias).toEqual(['red', 'blue', 'red']);
  });

  test('and is the last: messages are refused at once, with the reason', async () => {
    await start('red');
    await send(0);
    await both(({ bus }) => bus.remove('red'));
    await expect(pair.a.bus.publish('a.x', new Uint8Array(8))).rejects.toMatchObject({ code: 'NO_ROUTE' });
    await expect(pair.a.bus.remove('red')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('an inbox that closes by itself', () => {
  test('takes its transport out: listed with the reason, peers go over another, and it can be added again', async () => {
    await start('red', 'blue');
    await send(0);
    const [inbox] = pair.b.engine.transports.installed.filter(({ name }) => name === 'red');
    (inbox.receiver as FabricReceiver).breakDown();
    // Who removes it meanwhile waits for the same end.
    const removed = pair.b.bus.remove('red');
    await flow();
    // Nobody reads the peer's question any more: it waits a second for an answer.
    await pair.clock.advance(1000);
    await flow();
    await removed;
    expect(pair.b.bus.unavailable).toEqual([
      { transport: 'red', code: 'TRANSPORT_FAILED', reason: 'its inbox closed: red has melted', fix: 'use() it again' },
    ]);
    expect(await send(1)).toBe('delivered via blue');
    expect(pair.a.bus.explain('a.x', 8)[0]).toMatchObject({
      transport: 'blue',
      rejected: [{ transport: 'red', reason: 'the peer does not have it', temporary: false }],
    });
    expect(pair.a.bus.routes()).toContainEqual(
      expect.objectContaining({ transport: 'red', state: 'unsupported', reason: 'the peer does not have it' }),
    );
    await pair.b.bus.use(fabrics[0].plugin());
    expect(pair.b.bus.unavailable).toEqual([]);
    expect(await send(2)).toBe('delivered via red');
    expect(received).toEqual([0, 1, 2]);
  });
});

test('a transport that connects slowly holds up nothing that others can carry', async () => {
  await start('red', 'blue');
  await arrive(pair.a.bus.publish('a.x', new Uint8Array(8).fill(0), { via: 'blue' }));
  fabrics[0].slow = true;
  const first = pair.a.bus.publish('a.x', new Uint8Array(8).fill(1));
  await turn();
  await pair.clock.advance(99);
  await flow();
  expect(received).toEqual([0]);
  await pair.clock.advance(1);
  await flow();
  expect((await first).deliveries[0].via).toBe('blue');
  expect(pair.a.bus.explain('a.x', 8)[0].rejected).toEqual([
    { transport: 'red', reason: 'it has not connected yet', temporary: false },
  ]);
  fabrics[0].slow = false;
  fabrics[0].connectAll();
  await flow();
  expect(await send(2)).toBe('delivered via red');
});

test.each([
  ['no JSON', 'nonsense'],
  ['no list', '{}'],
  ['no transports', '[{"name":1}]'],
  ['too many', JSON.stringify(new Array(65).fill({ name: 'x', contract: '1.0', address: 'x:1' }))],
])('an offer that is %s cuts the link', async (_, payload) => {
  await start('red');
  const member = pair.a.engine.membership.member(pair.b.engine.self.id);
  member?.connection?.send(KIND.OFFER, 1, Buffer.from(payload));
  await turn();
  expect(pair.b.errors.splice(0).join()).toContain('an offer that is no list of transports');
  expect(pair.b.bus.peers).toEqual([]);
});
