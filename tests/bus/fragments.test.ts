import { createHash, randomBytes } from 'node:crypto';
import type { Message } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { expectBalanced, open, Peer, scratch } from './harness.ts';
import { record } from './recorder.mjs';

describe('messages larger than a frame', () => {
  test('5 MB arrive intact, in both directions at once, bytes and objects', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const heard = record(bus, 'to.us');
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.heard = record(bus, 'to.them');
      await kept.heard.subscription.ready;
    });
    const theirs = peer.run(async ({ bus, crypto: { createHash, randomBytes } }) => {
      const digests: string[] = [];
      for (let n = 0; n < 4; n++) {
        const bytes = randomBytes(5_000_000 + n);
        digests.push(createHash('sha256').update(bytes).digest('hex'));
        await bus.publish('to.us', new Uint8Array(bytes));
      }
      return digests;
    });
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    const digests: string[] = [];
    for (let n = 0; n < 4; n++) {
      const bytes = randomBytes(5_000_000 + n);
      digests.push(digest(bytes));
      await bus.publish('to.them', new Uint8Array(bytes));
    }
    const text = 'é'.repeat(2_500_000);
    await bus.publish('to.them', { text });
    expect((await heard.reach(4)).map(({ data }) => digest(data))).toEqual(await theirs);
    const got = await peer.run(async ({ kept, crypto: { createHash } }) => {
      const messages = await kept.heard.reach(5);
      const bytes = messages
        .slice(0, 4)
        .map(({ data }: Message<Uint8Array>) => createHash('sha256').update(data).digest('hex'));
      return { bytes, text: createHash('sha256').update(messages[4].data.text).digest('hex') };
    });
    expect(got.bytes).toEqual(digests);
    expect(got.text).toBe(createHash('sha256').update(text).digest('hex'));
    expectBalanced(bus.counters);
  });

  test('every size around a fragment’s border', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ directory });
    const heard = record(other, 't');
    await heard.subscription.ready;
    const sizes = [
      0, 1, 7, 8, 4096, 65_000, 65_055, 65_056, 65_057, 65_536, 65_537, 130_112, 130_113, 262_144, 300_001,
    ];
    for (const size of sizes) await bus.publish('t', new Uint8Array(size).fill(size % 251), { deadline: 5000 });
    expect(heard.data.map((data) => data.length)).toEqual(sizes);
    for (const data of heard.data) expect(data.every((byte: number) => byte === data.length % 251)).toBe(true);
  });

  test.each([10_000_000, 20_000_000])(
    'critical passes between the fragments of a batch message of %i bytes',
    async (size) => {
      const directory = scratch();
      const bus = await open({ directory });
      const peer = await Peer.open({ directory });
      await peer.run(async ({ bus, record, kept }) => {
        kept.heard = record(bus, '>');
        await kept.heard.subscription.ready;
      });
      // The route is up from here on, so the big one's fragments are on their way before the critical one is published.
      await bus.publish('warm', 1);
      const bulk = bus.publish('bulk', new Uint8Array(size), { priority: 'batch' });
      const urgent = Array.from({ length: 10 }, (_, n) => bus.publish('halt', n, { priority: 'critical' }));
      await Promise.all([bulk, ...urgent]);
      const order = await peer.run(async ({ kept }) => {
        const messages = await kept.heard.reach(12);
        return messages.map(({ topic, data }: Message) => (topic === 'halt' ? data : topic));
      });
      expect(order).toEqual(['warm', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'bulk']);
      expectBalanced(bus.counters);
    },
  );

  test('large and small messages of one topic stay in order', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, record, kept }) => {
      kept.heard = record(bus, 't');
      await kept.heard.subscription.ready;
    });
    const sizes = Array.from({ length: 60 }, (_, n) => (n % 7 === 0 ? 400_000 + n : n));
    await Promise.all(sizes.map((size) => bus.publish('t', new Uint8Array(size))));
    expect(await peer.run(({ kept }) => kept.heard.data.map((data: Uint8Array) => data.length))).toEqual(sizes);
    expectBalanced(bus.counters);
  });
});
