import { describe, expect, test } from 'vitest';
import { expectBalanced, fill, joined, next, open, Peer, refusal, scratch, until } from './harness.ts';
import { record } from './recorder.mjs';

describe('presence', () => {
  test('join, then leave for a bus that closes', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const events: string[] = [];
    for (const event of ['join', 'leave', 'lost'] as const)
      bus.on(event, ({ name }) => events.push(`${event} ${name}`));
    const peer = await Peer.open({ name: 'guest', directory });
    expect(bus.peers.map(({ name, pid, uid }) => [name, pid, uid])).toEqual([['guest', peer.pid, process.getuid?.()]]);
    const left = next(bus, 'leave');
    await peer.run(({ bus }) => bus.close());
    expect((await left).pid).toBe(peer.pid);
    expect(bus.peers).toEqual([]);
    expect(events).toEqual(['join guest', 'leave guest']);
  });

  test('what a leaving peer sent last is heard before its leave', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const heard = record(bus, 'last');
    let heardAtLeave = -1;
    bus.on('leave', () => {
      heardAtLeave = heard.messages.length;
    });
    const peer = await Peer.open({ directory });
    const left = next(bus, 'leave');
    await peer.run(async ({ bus }) => {
      const publisher = bus.publisher('last');
      for (let n = 0; n < 500; n++) publisher.send(n);
      await bus.close();
    });
    await left;
    expect(heardAtLeave).toBe(500);
    expect(heard.data).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  test('kill -9 is lost, to everybody, and what it had committed comes first', async () => {
    const directory = scratch();
    const buses = [await open({ directory }), await open({ directory })];
    const peer = await Peer.open({ name: 'victim', directory });
    const heard = record(buses[0] as (typeof buses)[0], 'swan.song');
    await heard.subscription.ready;
    await peer.run(({ bus }) => {
      const publisher = bus.publisher('swan.song');
      for (let n = 0; n < 200; n++) publisher.send(n);
      return publisher.flush();
    });
    const losses = buses.map((bus) => next(bus, 'lost'));
    await peer.kill();
    for (const loss of await Promise.all(losses)) expect(loss.name).toBe('victim');
    expect(heard.data).toEqual(Array.from({ length: 200 }, (_, n) => n));
    for (const bus of buses) expect(bus.peers.map(({ name }) => name)).not.toContain('victim');
  });

  test('what was under way to a killed peer settles as peer-gone; nothing hangs, all is counted', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept }) => {
      kept.stuck = bus.subscribe('t');
      await kept.stuck.ready;
    });
    const publisher = bus.publisher('t');
    const sent = fill(publisher, new Uint8Array(1000));
    await publisher.flush();
    const waiting = Array.from({ length: 10 }, () => refusal(bus.publish('t', new Uint8Array(1000)), 'PEER_GONE'));
    const writable = publisher.writable();
    await peer.kill();
    for (const error of await Promise.all(waiting)) expect(error.outcome).toBe('not-sent');
    await writable;
    expect(bus.counters.outcomes).toMatchObject({ delivered: sent, 'peer-gone': 10 });
    expectBalanced(bus.counters);
  });

  test('SIGSTOP is not death: messages wait, and come in order when it goes on', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.heard = record(bus, 't');
      await kept.heard.subscription.ready;
    });
    await bus.publish('t', -1);
    const losses: string[] = [];
    bus.on('lost', ({ name }) => losses.push(name));
    process.kill(peer.pid, 'SIGSTOP');
    const all = Array.from({ length: 1000 }, (_, n) => bus.publish('t', n));
    await refusal(bus.publish('t', 'given up', { deadline: 300 }), 'DEADLINE_EXCEEDED');
    expect(losses).toEqual([]);
    expect(bus.peers).toHaveLength(1);
    process.kill(peer.pid, 'SIGCONT');
    await Promise.all(all);
    const heard = await peer.run(({ kept }) => kept.heard.data.filter((data: unknown) => data !== 'given up'));
    expect(heard).toEqual([-1, ...Array.from({ length: 1000 }, (_, n) => n)]);
    expect(losses).toEqual([]);
    expectBalanced(bus.counters);
  });

  test('a stopped participant holds up neither a newcomer nor the rest', async () => {
    const directory = scratch();
    const stopped = await Peer.open({ name: 'stopped', directory });
    process.kill(stopped.pid, 'SIGSTOP');
    const bus = await open({ name: 'new', directory });
    const other = await open({ name: 'other', directory });
    const heard = record(other, 't');
    await heard.subscription.ready;
    expect((await bus.publish('t', 1)).deliveries.map(({ peerName }) => peerName)).toEqual(['other']);
    process.kill(stopped.pid, 'SIGCONT');
    await joined(bus, 'stopped');
  });

  test('a participant that ends and starts again is another one: fresh flows, no old subscriptions', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const ids = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const peer = await Peer.open({ name: 'again', directory });
      ids.add((await joined(bus, 'again')).id);
      await peer.run(async ({ bus, record, kept }) => {
        kept.heard = record(bus, 't');
        await kept.heard.subscription.ready;
      });
      expect((await bus.publish('t', round)).deliveries).toHaveLength(1);
      expect(await peer.run(({ kept }) => kept.heard.data)).toEqual([round]);
      const gone = next(bus, round === 1 ? 'leave' : 'lost');
      if (round === 1) await peer.run(({ bus }) => bus.close());
      else await peer.kill();
      await gone;
      expect((await bus.publish('t', round)).deliveries).toEqual([]);
    }
    expect(ids.size).toBe(3);
    await until(() => bus.peers.length === 0);
    expectBalanced(bus.counters);
  });
});
