import type { Bus } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { expectBalanced, open, Peer, scratch, until } from './harness.ts';
import { type Recorder, record } from './recorder.mjs';

/** A member in a process of its own that keeps what it works on. */
async function member(name: string, directory: string, pace: 'fast' | 'stuck'): Promise<Peer> {
  const peer = await Peer.open({ name, directory });
  await peer.run(async ({ bus, kept }, pace) => {
    kept.seen = [];
    const subscription = bus.subscribe(
      'work.>',
      ({ data }) => {
        kept.seen.push(data);
        return pace === 'stuck' ? new Promise(() => {}) : undefined;
      },
      { group: 'workers' },
    );
    await subscription.ready;
  }, pace);
  return peer;
}

const seenBy = (peer: Peer): Promise<number[]> => peer.run(({ kept }) => kept.seen as number[]);

describe('a queue group', () => {
  test('over uds: each message to one process, an audit of its own gets all', async () => {
    const directory = scratch();
    const bus = await open({ name: 'sender', directory });
    const peers = await Promise.all(['one', 'two', 'three'].map((name) => member(name, directory, 'fast')));
    const audit = record<number>(bus, 'work.>');
    await until(() => bus.peers.length === 3);
    const receipts = await Promise.all(Array.from({ length: 300 }, (_, n) => bus.publish(`work.${n % 7}`, n)));
    for (const { deliveries } of receipts) expect(deliveries.map(({ group }) => group)).toEqual([undefined, 'workers']);
    await until(async () => (await Promise.all(peers.map(seenBy))).flat().length === 300);
    const seen = await Promise.all(peers.map(seenBy));
    expect(seen.flat().sort((x, y) => x - y)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    for (const { length } of seen) expect(length).toBeGreaterThan(50);
    expect(audit.data).toHaveLength(300);
  });

  test('over memory: buses of one process are members like others, the own bus too', async () => {
    const directory = scratch();
    const buses: Bus[] = [];
    for (const name of ['one', 'two', 'three']) buses.push(await open({ name, directory, transports: ['memory'] }));
    const members: Recorder<number>[] = buses.map((bus) => record<number>(bus, 'work.>', { group: 'workers' }));
    await Promise.all(members.map(({ subscription }) => subscription.ready));
    await Promise.all(Array.from({ length: 90 }, (_, n) => buses[0].publish('work.x', n)));
    await until(() => members.flatMap(({ data }) => data).length === 90);
    expect(members.flatMap(({ data }) => data).sort((x, y) => x - y)).toEqual(Array.from({ length: 90 }, (_, n) => n));
    for (const { data } of members) expect(data.length).toBeGreaterThan(10);
  });

  test('a member that is killed: what waits for it goes to another, every message has one outcome', async () => {
    const directory = scratch();
    const bus = await open({ name: 'sender', directory, limits: { topicCredit: 1024 } });
    const stuck = await member('stuck', directory, 'stuck');
    // More than the window of the only member, so the rest waits here.
    const results = Array.from({ length: 60 }, (_, n) =>
      bus.publish('work.x', n, { orderKey: 'k' }).then(
        ({ deliveries }) => deliveries[0]?.peerName,
        (error) => error.code as string,
      ),
    );
    await until(async () => (await seenBy(stuck)).length === 1);
    const heir = await member('heir', directory, 'fast');
    await until(() => bus.peers.length === 2);
    await stuck.kill();
    const outcomes = await Promise.all(results);
    const inherited = outcomes.flatMap((name, n) => (name === 'heir' ? [n] : []));
    expect(new Set(outcomes)).toEqual(new Set(['stuck', 'heir']));
    await until(async () => (await seenBy(heir)).length === inherited.length);
    expect(await seenBy(heir)).toEqual(inherited);
    const { deliveries } = await bus.publish('work.x', 99, { orderKey: 'k' });
    expect(deliveries).toMatchObject([{ peerName: 'heir', group: 'workers', outcome: 'delivered' }]);
    expectBalanced(bus.counters);
  });
});
