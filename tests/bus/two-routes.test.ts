import { FIXED, OK, rules } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { open, Peer, scratch } from './harness.ts';

const BORDER_BYTES = 65_536;
const PAIRS = 300;

const bySize = rules(
  [
    { match: { bytes: { max: BORDER_BYTES } }, prefer: ['shm'] },
    { match: {}, prefer: ['uds'] },
  ],
  FIXED,
);

describe('a flow that travels on two routes at once', () => {
  test('small messages over shm and large ones over uds come in order, once, and nothing is sent again', async () => {
    const directory = scratch();
    const transports = ['shm', 'uds'];
    const peer = await Peer.open({ directory, transports });
    await peer.run(async ({ record, bus, kept }) => {
      kept.heard = record(bus, 'flow');
      await kept.heard.subscription.ready;
    });
    const bus = await open({ directory, transports, policy: bySize });
    const publisher = bus.publisher<Uint8Array>('flow', { priority: 'high' });
    const sizes = Array.from({ length: 2 * PAIRS }, (_, n) => (n % 2 === 0 ? 100 : 100 * 1024));
    for (const [n, size] of sizes.entries()) {
      const bytes = new Uint8Array(size).fill(n % 251);
      new DataView(bytes.buffer).setUint32(0, n);
      while (publisher.send(bytes) !== OK) await publisher.writable();
    }
    expect(await publisher.flush()).toEqual({ delivered: sizes.length, failed: [] });
    const got = await peer.run(async ({ kept, bus }, count) => {
      const messages = await kept.heard.reach(count);
      return {
        heard: messages.map(({ data, via }: { data: Uint8Array; via: string }) => ({
          n: new DataView(data.buffer, data.byteOffset).getUint32(0),
          size: data.length,
          intact: data.subarray(4).every((byte) => byte === data[4]),
          via,
        })),
        repeats: bus.counters.duplicates,
      };
    }, sizes.length);
    expect(got.heard).toEqual(
      sizes.map((size, n) => ({ n, size, intact: true, via: size > BORDER_BYTES ? 'uds' : 'shm' })),
    );
    expect(got.repeats).toBe(0);
  });
});
