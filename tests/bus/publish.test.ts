import { describe, expect, test } from 'vitest';
import { expectBalanced, open, Peer, refusal, scratch } from './harness.ts';
import { type Recorder, record } from './recorder.mjs';

describe('publish and subscribe over uds', () => {
  test('a message is heard in another process, with who, what and how', async () => {
    const directory = scratch();
    const bus = await open({ name: 'sender', directory });
    const peer = await Peer.open({ name: 'hearer', directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.heard = record(bus, 'greeting');
      await kept.heard.subscription.ready;
    });
    const receipt = await bus.publish('greeting', { hello: 'there', at: new Date(0) }, { headers: { trace: 'abc' } });
    expect(receipt.deliveries).toEqual([
      { peer: bus.peers[0]?.id, peerName: 'hearer', via: 'uds', outcome: 'delivered' },
    ]);
    const [message] = await peer.run(({ kept }) => kept.heard.reach(1));
    expect(message).toMatchObject({
      topic: 'greeting',
      data: { hello: 'there', at: new Date(0) },
      via: 'uds',
      priority: 'normal',
      headers: { trace: 'abc' },
      from: { id: bus.self.id, name: 'sender', pid: process.pid, uid: process.getuid?.() },
    });
    expectBalanced(bus.counters);
  });

  test('a publish without a subscriber resolves, empty, and is counted as unrouted', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    await Peer.open({ directory });
    expect(await bus.publish('nobody.hears', 1)).toEqual({ deliveries: [] });
    expect(bus.counters).toMatchObject({ published: 1, unrouted: 1, targets: 0 });
  });

  test('wildcards: * is one token, > is the rest; overlapping subscriptions get one each', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.by = Object.fromEntries(
        ['a.*', 'a.>', '*.x', '>', 'a.x', 'a.*.c'].map((pattern) => [pattern, record(bus, pattern)]),
      );
      for (const { subscription } of Object.values<Recorder>(kept.by)) await subscription.ready;
    });
    for (const topic of ['a', 'a.x', 'a.b.c', 'b.x', 'a.x.y.z']) {
      const { deliveries } = await bus.publish(topic, topic);
      expect(deliveries).toHaveLength(1);
    }
    const heard = await peer.run(({ kept }) =>
      Object.fromEntries(Object.entries<Recorder>(kept.by).map(([pattern, { data }]) => [pattern, data])),
    );
    expect(heard).toEqual({
      'a.*': ['a.x'],
      'a.>': ['a.x', 'a.b.c', 'a.x.y.z'],
      '*.x': ['a.x', 'b.x'],
      '>': ['a', 'a.x', 'a.b.c', 'b.x', 'a.x.y.z'],
      'a.x': ['a.x'],
      'a.*.c': ['a.b.c'],
    });
  });

  test('one line of the receipt for each target, the own bus included', async () => {
    const directory = scratch();
    const bus = await open({ name: 'one', directory });
    const peers = await Promise.all(['two', 'three'].map((name) => Peer.open({ name, directory })));
    const own = record(bus, 'all');
    for (const peer of peers)
      await peer.run(async ({ bus, record, kept }) => {
        kept.heard = record(bus, 'all');
        await kept.heard.subscription.ready;
      });
    const { deliveries } = await bus.publish('all', 'x');
    expect(deliveries.map(({ peerName, via, outcome }) => `${peerName} ${via} ${outcome}`).sort()).toEqual([
      'one local delivered',
      'three uds delivered',
      'two uds delivered',
    ]);
    expect(own.data).toEqual(['x']);
    expectBalanced(bus.counters);
  });

  test('order: one topic and key is one flow, across publish, publisher and sizes', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.heard = record(bus, 'order.>');
      await kept.heard.subscription.ready;
    });
    const publisher = bus.publisher<{ n: number; pad: string }>('order.a');
    const count = 3000;
    const all: Promise<unknown>[] = [];
    for (let n = 0; n < count; n++) {
      const value = { n, pad: 'x'.repeat(n % 500 === 0 ? 100_000 : n % 40) };
      if (n % 3 === 0) all.push(bus.publish('order.a', value));
      else if (publisher.send(value) !== 0) all.push(bus.publish('order.a', value));
    }
    await Promise.all([...all, publisher.flush()]);
    const heard = await peer.run(async ({ kept }, wanted) => {
      await kept.heard.reach(wanted);
      return kept.heard.data.map(({ n }: { n: number }) => n);
    }, count);
    expect(heard).toEqual(Array.from({ length: count }, (_, n) => n));
    expectBalanced(bus.counters);
  });

  test('an unsubscribed or closed subscription hears nothing more, and iterators end', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const stop = new AbortController();
    const iterated = bus.subscribe<number>('it', { signal: stop.signal });
    const got: number[] = [];
    const loop = (async () => {
      for await (const { data } of iterated) {
        got.push(data);
        if (data === 2) stop.abort();
      }
    })();
    for (const n of [1, 2, 3]) await bus.publish('it', n);
    await loop;
    expect(got).toEqual([1, 2]);
    expect(await bus.publish('it', 4)).toEqual({ deliveries: [] });
    for await (const _ of iterated) throw new Error('a closed subscription has nothing');
  });

  test('breaking out of the loop closes the subscription', async () => {
    const bus = await open({ directory: scratch() });
    const subscription = bus.subscribe('once');
    await bus.publish('once', 1);
    for await (const _ of subscription) break;
    expect(await bus.publish('once', 2)).toEqual({ deliveries: [] });
  });

  test('a closed bus refuses with CLOSED, and send says so', async () => {
    const bus = await open({ directory: scratch() });
    const publisher = bus.publisher('t');
    await bus.close();
    for (const refused of [
      () => bus.publish('t', 1),
      () => bus.request('t', 1),
      () => bus.subscribe('t'),
      () => bus.serve('t', () => 1),
      () => bus.publisher('t'),
    ]) {
      const error = await refusal(refused, 'CLOSED');
      expect(error.where).toBeTruthy();
      expect(error.remedy).toBeTruthy();
    }
    expect(publisher.send(1)).toBe(-3);
    await refusal(publisher.writable(), 'CLOSED');
    expect(await bus.close()).toEqual({ undelivered: 0 });
  });

  test('close delivers what is under way and says what it could not', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.heard = record(bus, 'last');
      await kept.heard.subscription.ready;
    });
    const under = Array.from({ length: 500 }, (_, n) => bus.publish('last', n));
    expect(await bus.close()).toEqual({ undelivered: 0 });
    for (const receipt of await Promise.all(under)) expect(receipt.deliveries[0]?.outcome).toBe('delivered');
    expect(await peer.run(({ kept }) => kept.heard.data.length)).toBe(500);
    expectBalanced(bus.counters);
  });

  test('what close gives up is counted as dropped, and its publishes reject', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept }) => {
      kept.stuck = bus.subscribe('stuck');
      await kept.stuck.ready;
    });
    const under = Array.from({ length: 40 }, () =>
      bus.publish('stuck', new Uint8Array(20_000)).catch((error) => error),
    );
    const report = await bus.close({ timeout: 50 });
    const ends = await Promise.all(under);
    const failed = ends.filter((end) => end instanceof Error);
    expect(report.undelivered).toBe(failed.length);
    expect(failed.length).toBeGreaterThan(0);
    expectBalanced(bus.counters);
    // outcomes.ts: "dropped: ... or the publisher's own bus was closed".
    expect(bus.counters.outcomes.dropped).toBe(failed.length);
  });
});
