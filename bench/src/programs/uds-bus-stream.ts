import { createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import type { Program } from '../program.ts';

const STREAM = 'bench.stream';
const CHUNKS_PER_LOOK = 1024;

/** Chunks of `size` bytes from a generator in one process to a `for await` in another, read as fast as they come. */
export const program: Program = {
  async serve({ directory, size }) {
    const bus = await createBus({ name: 'serve', plugins: [uds()], directory });
    bus.on('error', (error) => {
      throw error;
    });
    const chunk = new Uint8Array(size);
    bus.serveStream(STREAM, async function* () {
      for (;;) yield chunk;
    });
  },

  async drive({ directory }) {
    const bus = await createBus({ name: 'drive', plugins: [uds()], directory });
    return async (milliseconds) => {
      let count = 0;
      const end = performance.now() + milliseconds;
      for await (const _chunk of bus.open(STREAM, undefined)) {
        if (++count % CHUNKS_PER_LOOK === 0 && performance.now() >= end) break;
      }
      return count;
    };
  },
};
