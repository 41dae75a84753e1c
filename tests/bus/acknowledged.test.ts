import { describe, expect, test } from 'vitest';
import { expectBalanced, open, Peer, scratch, until } from './harness.ts';

interface Seen {
  readonly n: number;
  readonly redelivered: boolean;
}

/** A worker in a process of its own; a stuck one never ends what it begins. */
async function worker(name: string, directory: string, pace: 'fast' | 'stuck'): Promise<Peer> {
  const peer = await Peer.open({ name, directory });
  await peer.run(async ({ bus, kept }, pace) => {
    kept.seen = [];
    const subscription = bus.subscribe(
      'work.>',
      ({ data, redelivered }) => {
        kept.seen.push({ n: data, redelivered });
        return pace === 'stuck' ? new Promise(() => {}) : undefined;
      },
      { group: 'workers', concurrency: 1000 },
    );
    await subscription.ready;
  }, pace);
  return peer;
}

const seenBy = (peer: Peer): Promise<Seen[]> => peer.run(({ kept }) => kept.seen as Seen[]);

describe('an acknowledged message', () => {
  test('that a killed worker had goes to another one, marked; all are processed', async () => {
    const directory = scratch();
    const bus = await open({ name: 'sender', directory });
    const [stuck, fast] = [await worker('stuck', directory, 'stuck'), await worker('fast', directory, 'fast')];
    await until(() => bus.peers.length === 2);
    const receipts = Promise.all(
      Array.from({ length: 100 }, (_, n) => bus.publish('work.x', n, { reliability: 'acknowledged' })),
    );
    await until(async () => (await seenBy(stuck)).length > 0 && bus.counters.outcomes.processed > 20);
    // Everything is with one of the two by now.
    await until(async () => (await seenBy(stuck)).length + (await seenBy(fast)).length === 100);
    const had = (await seenBy(stuck)).map(({ n }) => n);
    await stuck.kill();
    const deliveries = (await receipts).map(({ deliveries: [delivery] }) => delivery);
    for (const delivery of deliveries) expect(delivery).toMatchObject({ outcome: 'processed', peerName: 'fast' });
    const seen = await seenBy(fast);
    expect(seen.map(({ n }) => n).sort((x, y) => x - y)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(new Set(seen.filter(({ redelivered }) => redelivered).map(({ n }) => n))).toEqual(new Set(had));
    expect(bus.counters.outcomes.processed).toBe(100);
    expectBalanced(bus.counters);
  });

  test('is processed by several processes and the own one, in parts, and counted for each', async () => {
    const directory = scratch();
    const bus = await open({ name: 'sender', directory });
    const peer = await Peer.open({ name: 'other', directory });
    await peer.run(async ({ bus }) => {
      let failures = 2;
      await bus.subscribe('t', (message) => {
        if (failures-- > 0) message.nack({ retryIn: 1, reason: 'not yet' });
      }).ready;
    });
    let own = 0;
    bus.subscribe('t', () => {
      own++;
    });
    await until(() => bus.peers.length === 1);
    const { deliveries } = await bus.publish('t', new Uint8Array(200_000), { reliability: 'acknowledged' });
    const found = new Map(deliveries.map(({ peerName, outcome, attempts }) => [peerName, { outcome, attempts }]));
    expect(found.get('other')).toEqual({ outcome: 'processed', attempts: 3 });
    expect(found.get('sender')).toEqual({ outcome: 'processed', attempts: 1 });
    expect(own).toBe(1);
  });

  test('is told before its receiver is gone: a bus that closes says what it has done', async () => {
    const directory = scratch();
    const bus = await open({ name: 'sender', directory });
    const peer = await Peer.open({ name: 'other', directory });
    await peer.run(async ({ bus, kept }) => {
      const subscription = bus.subscribe('t', async () => {
        // While the handler is at work.
        setImmediate(() => {
          kept.closing = bus.close();
        });
        await new Promise((resolve) => setTimeout(resolve, 20));
      });
      await subscription.ready;
    });
    await until(() => bus.peers.length === 1);
    const { deliveries } = await bus.publish('t', 1, { reliability: 'acknowledged' });
    expect(deliveries).toMatchObject([{ peerName: 'other', outcome: 'processed', attempts: 1 }]);
  });

  test('a publisher: 5,000 in a row, none lost, flush tells', async () => {
    const directory = scratch();
    const bus = await open({ name: 'sender', directory });
    const peer = await worker('fast', directory, 'fast');
    await until(() => bus.peers.length === 1);
    const publisher = bus.publisher('work.y', { reliability: 'acknowledged' });
    for (let n = 0; n < 5000; ) {
      if (publisher.send(n) === 0) n++;
      else await publisher.writable();
    }
    expect(await publisher.flush()).toEqual({ delivered: 5000, failed: [] });
    expect((await seenBy(peer)).map(({ n }) => n)).toEqual(Array.from({ length: 5000 }, (_, n) => n));
  });
});
