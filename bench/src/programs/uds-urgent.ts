import { hrtime } from 'node:process';
import { createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import type { Program } from '../program.ts';

const BULK_BYTES = 64 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** Pause between two urgent messages while the bulk drains. */
const PACE_MS = 0.5;

/** The machine's monotonic clock, the same in both processes, in ns. */
function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1e9 + nanoseconds;
}

/** Critical messages published while 64 MiB of batch are queued on the same route: from `publish` to the handler. */
export const program: Program = {
  async serve({ directory }) {
    const bus = await createBus({ name: 'serve', plugins: [uds()], directory });
    const took = bus.publisher<number>('urgent.took', { priority: 'critical' });
    bus.subscribe('bulk', () => {});
    bus.subscribe<number>('urgent', ({ data }) => void took.send(now() - data));
  },

  async drive({ directory }) {
    const bus = await createBus({ name: 'drive', plugins: [uds()], directory });
    let answered = (_nanoseconds: number): void => {};
    await bus.subscribe<number>('urgent.took', ({ data }) => answered(data)).ready;
    const piece = new Uint8Array(PIECE_BYTES);
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PACE_MS));
    return async (milliseconds, latencies) => {
      let count = 0;
      const until = performance.now() + milliseconds;
      while (performance.now() < until) {
        let queued = BULK_BYTES / PIECE_BYTES;
        for (let i = queued; i > 0; i--) {
          void bus.publish('bulk', piece, { priority: 'batch' }).finally(() => {
            queued--;
          });
        }
        while (queued > 0) {
          const answer = new Promise<number>((resolve) => {
            answered = resolve;
          });
          void bus.publish('urgent', now(), { priority: 'critical' });
          latencies.record(await answer);
          count++;
          await pause();
        }
      }
      return count;
    };
  },
};
