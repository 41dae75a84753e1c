import { describe, expect, test } from 'vitest';
import { errorsOf, open, Peer, refusal, scratch, until } from './harness.ts';

const MESSAGES = 1000;

describe('stats of two processes over uds', () => {
  test('sent there is received here; the latency is that of the machine; every target has its outcome', async () => {
    const directory = scratch();
    const bus = await open({ name: 'here', directory });
    const errors = errorsOf(bus);
    const peer = await Peer.open({ name: 'there', directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.heard = record(bus, 't');
      await kept.heard.subscription.ready;
    });
    const publisher = bus.publisher('t');
    for (let i = 0; i < MESSAGES; i++) publisher.send({ i });
    expect((await publisher.flush()).delivered).toBe(MESSAGES);
    await refusal(bus.publish('t', 1, { via: 'carrier pigeon' }), 'NO_ROUTE');

    const here = bus.stats();
    const there = await peer.run(({ bus }) => bus.stats());
    expect(here.self).toEqual(bus.self);
    expect(here.peers).toMatchObject([{ peer: there.self.id, name: 'there', pid: peer.pid, connected: true }]);
    expect(there.peers).toMatchObject([{ peer: bus.self.id, name: 'here', pid: process.pid, connected: true }]);
    const [mine] = here.peers[0].routes;
    const [theirs] = there.peers[0].routes;
    expect(mine).toMatchObject({ transport: 'uds', state: 'up', sessions: 1, unconfirmed: 0 });
    expect(mine.framesSent).toBeGreaterThanOrEqual(MESSAGES);
    expect([theirs.framesReceived, theirs.bytesReceived]).toEqual([mine.framesSent, mine.bytesSent]);
    const { latency } = theirs;
    expect(latency?.count).toBe(Math.ceil(MESSAGES / 64));
    expect(latency?.p50Micros).toBeGreaterThan(0);
    expect(latency?.p99Micros).toBeGreaterThanOrEqual(latency?.p50Micros as number);
    // Far more than such a backlog takes; far less than clocks that do not compare would show.
    expect(latency?.maxMicros).toBeLessThan(5_000_000);

    expect(here.unsettled).toBe(0);
    expect(here.failed).toEqual([{ outcome: 'refused', reason: 'no route', count: 1 }]);
    const { targets, outcomes } = here.counters;
    expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(targets);
    expect(targets).toBe(MESSAGES + 1);
    expect(errors).toEqual([]);
  });

  test('a peer that was killed is gone from the snapshot, its open deliveries are counted', async () => {
    const directory = scratch();
    const bus = await open({ name: 'here', directory });
    const peer = await Peer.open({ name: 'there', directory });
    await peer.run(async ({ bus }) => {
      await bus.subscribe('t', () => new Promise(() => {})).ready;
    });
    // More than the credit of a topic: some of it waits here.
    const sent = Array.from({ length: 8 }, () => bus.publish('t', new Uint8Array(100_000)).catch(() => {}));
    await until(() => bus.stats().queued.messages > 0);
    const { queued, peers, unsettled } = bus.stats();
    expect(peers[0].queued).toEqual(queued);
    expect(unsettled).toBeGreaterThanOrEqual(queued.messages);
    await peer.kill();
    await Promise.all(sent);
    const after = bus.stats();
    expect(after).toMatchObject({ unsettled: 0, queued: { messages: 0, bytes: 0 }, peers: [] });
    expect(after.failed).toEqual([
      { outcome: 'peer-gone', reason: 'the peer has died', count: after.counters.outcomes['peer-gone'] },
    ]);
    expect(after.counters.outcomes['peer-gone']).toBeGreaterThanOrEqual(queued.messages);
  });
});
