import { createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import type { Program } from '../program.ts';
import { OBJECT } from './object.ts';
import { openSink } from './sink.ts';

const TOPIC = 'bench.publish';
/** Publishes whose receipts are awaited together. */
const BATCH = 256;

/** Objects from one process to another by `publish`, a receipt for each. */
export const program: Program = {
  serve: ({ directory }) => openSink(TOPIC, directory),

  async drive({ directory }) {
    const bus = await createBus({ name: 'drive', plugins: [uds()], directory });
    return async (milliseconds) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count += BATCH) {
        const receipts = await Promise.all(Array.from({ length: BATCH }, () => bus.publish(TOPIC, OBJECT)));
        for (const { deliveries } of receipts) {
          if (deliveries.length !== 1 || deliveries[0].outcome !== 'delivered') throw new Error('not delivered');
        }
      }
      return count;
    };
  },
};
