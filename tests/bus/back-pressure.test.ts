import { BACK_PRESSURED, OK } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { atRest, expectBalanced, fill, open, Peer, refusal, scratch, until } from './harness.ts';
import { record } from './recorder.mjs';

/** Small windows, so that both are full soon. */
const limits = { topicCredit: 64 * 1024, linkCredit: 512 * 1024 };

describe('flow control', () => {
  test('BACK_PRESSURED, then writable, then flush: all of it arrives, in order', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept }) => {
      kept.subscription = bus.subscribe('t');
      await kept.subscription.ready;
    });
    const publisher = bus.publisher('t');
    let sent = 0;
    while (sent < 10_000 && publisher.send({ n: sent, pad: 'x'.repeat(500) }) === OK) sent++;
    expect(sent).toBeGreaterThan(100);
    expect(publisher.send({ n: sent })).toBe(BACK_PRESSURED);
    // Settled means copied out of the medium, so this does not wait for the subscription.
    expect(await publisher.flush()).toEqual({ delivered: sent, failed: [] });
    let writable = false;
    const waiting = publisher.writable().then(() => {
      writable = true;
    });
    await bus.publish('elsewhere', 1);
    expect(writable).toBe(false);
    const got = peer.run(async ({ kept }) => {
      const numbers = [];
      for await (const { data } of kept.subscription) {
        if (data.n === 'end') break;
        numbers.push(data.n);
      }
      return numbers;
    });
    await waiting;
    for (; sent < 3000; ) {
      if (publisher.send({ n: sent, pad: 'x'.repeat(500) }) === OK) sent++;
      else await publisher.writable();
    }
    expect((await publisher.flush()).failed).toEqual([]);
    await bus.publish('t', { n: 'end' });
    expect(await got).toEqual(Array.from({ length: 3000 }, (_, n) => n));
    expectBalanced(bus.counters);
  });

  test('a full subscription stops its own publishers; other topics, best-effort and requests go on', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept, record }) => {
      kept.stuck = bus.subscribe('stuck.*');
      kept.free = record(bus, 'free');
      bus.serve('echo', (input) => input);
      await Promise.all([kept.stuck.ready, kept.free.subscription.ready]);
    });
    const stuck = ['stuck.a', 'stuck.b'].map((topic) => bus.publisher(topic));
    for (const publisher of stuck) fill(publisher, 'x'.repeat(20_000));
    for (let n = 0; n < 100; n++) expect((await bus.publish('free', n)).deliveries[0]?.outcome).toBe('delivered');
    expect(await bus.request('echo', 'hi')).toBe('hi');
    // Best-effort without credit is dropped, counted and told; nothing waits for it.
    const dropped = await refusal(
      bus.publish('stuck.a', 'x'.repeat(20_000), { reliability: 'best-effort' }),
      'BACK_PRESSURED',
    );
    expect(dropped.data).toMatchObject({ deliveries: [{ outcome: 'dropped' }] });
    expect(bus.counters.outcomes.dropped).toBe(1);
    // A deadline ends the wait for credit.
    await refusal(bus.publish('stuck.a', 'x'.repeat(20_000), { deadline: 50 }), 'DEADLINE_EXCEEDED');
    expect(await peer.run(({ kept }) => kept.free.data.length)).toBe(100);
    expectBalanced(bus.counters);
  });

  test('one full peer holds up no other', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const [full, free] = [await Peer.open({ name: 'full', directory }), await Peer.open({ name: 'free', directory })];
    for (const peer of [full, free])
      await peer.run(async ({ bus, kept }) => {
        if (bus.self.name === 'full') kept.subscription = bus.subscribe('t');
        else {
          kept.count = 0;
          kept.subscription = bus.subscribe('t', () => {
            kept.count++;
          });
        }
        await kept.subscription.ready;
      });
    const all = Array.from({ length: 100 }, () =>
      bus.publish('t', new Uint8Array(10_000), { deadline: 400 }).then(({ deliveries }) => deliveries),
    );
    await until(() => free.run(({ kept }) => kept.count === 100));
    const outcomes = (await Promise.all(all)).flat();
    expect(outcomes.filter(({ peerName, outcome }) => peerName === 'free' && outcome === 'delivered')).toHaveLength(
      100,
    );
    expect(
      outcomes.filter(({ peerName, outcome }) => peerName === 'full' && outcome === 'expired').length,
    ).toBeGreaterThan(50);
    expectBalanced(bus.counters);
  });

  test('both directions full, every subscription standing still: replies, cancels and confirmations pass', async () => {
    const directory = scratch();
    const bus = await open({ name: 'left', directory, limits });
    const peer = await Peer.open({ name: 'right', directory, limits });
    const topics = Array.from({ length: 12 }, (_, n) => `left.t${n}`);
    let release: (value: unknown) => void = () => {};
    let aborted = false;
    bus.serve(
      'left.answer',
      () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    );
    bus.serve(
      'left.cancel',
      (_, { signal }) =>
        new Promise(() =>
          signal.addEventListener('abort', () => {
            aborted = true;
          }),
        ),
    );
    const stuck = bus.subscribe('left.>');
    await stuck.ready;
    await peer.run(async ({ bus, kept }) => {
      bus.serve(
        'right.answer',
        () =>
          new Promise((resolve) => {
            kept.release = resolve;
          }),
      );
      bus.serve(
        'right.cancel',
        (_, { signal }) =>
          new Promise(() =>
            signal.addEventListener('abort', () => {
              kept.aborted = true;
            }),
          ),
      );
      kept.stuck = bus.subscribe('right.>');
      await kept.stuck.ready;
      kept.answer = bus.request('left.answer', 1);
      kept.controller = new AbortController();
      kept.cancelled = bus.request('left.cancel', 1, { signal: kept.controller.signal }).catch((error) => error.code);
    });
    const answer = bus.request('right.answer', 1);
    const controller = new AbortController();
    const cancelled = refusal(bus.request('right.cancel', 1, { signal: controller.signal }), 'ABORTED');
    await until(() => peer.run(({ kept }) => kept.release !== undefined));

    const fill = peer.run(async ({ bus, core, kept }, topics) => {
      kept.sent = 0;
      for (let full = 0; full < topics.length; ) {
        full = 0;
        for (const topic of topics) {
          if (bus.publisher(topic).send(new Uint8Array(9_000)) === core.OK) kept.sent++;
          else full++;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      return kept.sent as number;
    }, topics);
    const publishers = topics.map((topic) => bus.publisher(topic.replace('left', 'right')));
    let sent = 0;
    for (let full = 0; full < publishers.length; ) {
      full = 0;
      for (const publisher of publishers)
        if (publisher.send(new Uint8Array(9_000)) === OK) sent++;
        else full++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const received = await fill;

    // Now nothing that needs credit can move either way. What needs none does:
    for (const publisher of publishers) expect((await publisher.flush()).failed).toEqual([]);
    controller.abort();
    await cancelled;
    await until(() => peer.run(({ kept }) => kept.aborted === true));
    await peer.run(({ kept }) => kept.release('from the right'));
    expect(await answer).toBe('from the right');
    await peer.run(({ kept }) => kept.controller.abort());
    await until(() => aborted);
    release('from the left');
    expect(await peer.run(({ kept }) => kept.answer)).toBe('from the left');

    // And once somebody takes, everything is there.
    let taken = 0;
    for await (const _ of stuck) if (++taken === received) break;
    const theirs = await peer.run(async ({ kept }, wanted) => {
      let taken = 0;
      for await (const _ of kept.stuck) if (++taken === wanted) return taken;
      return taken;
    }, sent);
    expect(theirs).toBe(sent);
    await atRest(bus);
  });

  test('a message larger than its window passes after traffic that left the account uneven', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ directory });
    const heard = record(other, '>');
    await heard.subscription.ready;
    for (const size of [10_000, 300_000, 1, 200_000, 60_000, 250_000, 1_000_000, 17_000_000, 900_000, 16_000_000])
      await bus.publish('mixed', new Uint8Array(size), { deadline: 5000 });
    expect(heard.messages).toHaveLength(10);
    expectBalanced(bus.counters);
  });

  test('windows of different sizes on the two sides do not stop a flow', async () => {
    const directory = scratch();
    const bus = await open({ directory, limits: { topicCredit: 16 * 1024, linkCredit: 64 * 1024 } });
    const other = await open({ directory, limits: { topicCredit: 4 * 1024 * 1024, linkCredit: 64 * 1024 * 1024 } });
    const heard = record(other, '>');
    await heard.subscription.ready;
    for (let n = 0; n < 100; n++) await bus.publish('t', new Uint8Array(5000), { deadline: 5000 });
    expect(heard.messages).toHaveLength(100);
  });

  test('requests wait for credit too, and a slow server stops nobody else', async () => {
    const directory = scratch();
    const bus = await open({ directory, limits });
    const other = await open({ directory, limits });
    const releases: (() => void)[] = [];
    await other.serve('slow', () => new Promise<void>((resolve) => releases.push(resolve)), { concurrency: 1 }).ready;
    await other.serve('fast', () => 'fast').ready;
    const slow = Array.from({ length: 30 }, () => bus.request('slow', new Uint8Array(10_000)));
    expect(await bus.request('fast', 1)).toBe('fast');
    for (let n = 0; n < slow.length; n++) {
      await until(() => releases.length > n);
      releases[n]?.();
    }
    await Promise.all(slow);
    expectBalanced(bus.counters);
  });

  test('a subscription that closes gives back what it held: the publisher goes on', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ directory });
    const stuck = other.subscribe('t');
    await stuck.ready;
    const publisher = bus.publisher('t');
    fill(publisher, new Uint8Array(10_000));
    await publisher.flush();
    const heard = record(other, 't');
    const writable = publisher.writable();
    stuck.close();
    await writable;
    expect(publisher.send(1)).toBe(OK);
    await publisher.flush();
    expect(heard.data).toEqual([1]);
  });

  test('more than maxQueuedBytes is refused, not hoarded', async () => {
    const directory = scratch();
    const bus = await open({ directory, limits: { maxQueuedBytes: 100_000 } });
    const other = await open({ directory });
    const stuck = other.subscribe('t');
    await stuck.ready;
    const all = Array.from({ length: 60 }, () => bus.publish('t', new Uint8Array(10_000)));
    const failed = (await Promise.allSettled(all.slice(40))).filter(({ status }) => status === 'rejected');
    expect(failed.length).toBeGreaterThan(0);
    for (const failure of failed) await refusal(Promise.reject((failure as PromiseRejectedResult).reason), 'NO_ROUTE');
    expect(bus.counters.outcomes.refused).toBeGreaterThanOrEqual(failed.length);
    stuck.close();
    await Promise.allSettled(all);
    expectBalanced(bus.counters);
  });
});
