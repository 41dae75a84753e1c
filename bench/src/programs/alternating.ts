import { type Bus, createBus, FIXED, OK, type Publisher, rules } from '@busbar/core';
import type { Program } from '../program.ts';
import { assertDelivered } from './assert-delivered.ts';
import { plugin } from './host-transport.ts';

const SMALL = new Uint8Array(100).fill(7);
const LARGE = new Uint8Array(100 * 1024).fill(7);
/** Mean payload bytes of a message. */
export const ALTERNATING_BYTES = (SMALL.length + LARGE.length) / 2;
const PAIRS_PER_BATCH = 64;
const BORDER_BYTES = 65_536;

/**
 * `split`: a small one over shm, a large one over uds, and so on. `parts`: the same messages over the same transports,
 * first the small ones, then the large ones. `shm`, `uds`: by turns as in `split`, all over one.
 */
type Way = 'split' | 'parts' | 'shm' | 'uds';

/** Fixed: what is measured shall not change which way a message goes. */
const POLICY = rules(
  [
    { match: { topic: 'bench.shm' }, prefer: ['shm'] },
    { match: { topic: 'bench.uds' }, prefer: ['uds'] },
    { match: { bytes: { max: BORDER_BYTES } }, prefer: ['shm'] },
    { match: {}, prefer: ['uds'] },
  ],
  FIXED,
);

/**
 * Messages of 100 B and of 100 KiB, as many of each, `high`. Batches go each of the ways given, to their end; with
 * several the rate is the mean of theirs, weighted by the time that the same number of messages takes. The receiver
 * takes nothing that comes out of order, or twice.
 */
export function alternating(...ways: readonly Way[]): Program {
  return {
    async serve({ directory }) {
      const bus = await open('serve', directory);
      bus.on('error', (error) => {
        throw error;
      });
      const next: Record<string, number> = {};
      bus.subscribe<Uint8Array>('bench.*', ({ topic, data }) => {
        const expected = next[topic] ?? 0;
        const number = new DataView(data.buffer, data.byteOffset).getUint32(0);
        if (number !== expected) throw new Error(`message ${number} came as number ${expected}`);
        if (bus.counters.duplicates > 0) throw new Error('frames were sent again');
        next[topic] = expected + 1;
      });
    },

    async drive({ directory }) {
      const bus = await open('drive', directory);
      const batches = ways.map((way) => batch(bus.publisher(`bench.${way}`, { priority: 'high' }), groupsOf(way)));
      return async (milliseconds) => {
        let count = 0;
        for (const end = performance.now() + milliseconds; performance.now() < end; )
          for (const send of batches) count += await send();
        return count;
      };
    },
  };
}

async function open(name: string, directory: string): Promise<Bus> {
  const plugins = [await plugin('shm'), await plugin('uds')];
  return createBus({ name, plugins, directory, policy: POLICY });
}

/** The payloads of a batch; those of a group have all arrived before the next one begins. */
function groupsOf(way: Way): Uint8Array[][] {
  const small = new Array<Uint8Array>(PAIRS_PER_BATCH).fill(SMALL);
  const large = new Array<Uint8Array>(PAIRS_PER_BATCH).fill(LARGE);
  return way === 'parts' ? [small, large] : [small.flatMap((one, i) => [one, large[i]])];
}

/** Numbers the messages from 0. */
function batch(publisher: Publisher<Uint8Array>, groups: readonly Uint8Array[][]): () => Promise<number> {
  let number = 0;
  return async () => {
    for (const group of groups) {
      for (const payload of group) {
        new DataView(payload.buffer).setUint32(0, number++);
        while (publisher.send(payload) !== OK) await publisher.writable();
      }
      assertDelivered(await publisher.flush(), group.length);
    }
    return 2 * PAIRS_PER_BATCH;
  };
}
