import { type Bus, createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import type { Program } from '../program.ts';
import { OBJECT } from './object.ts';

const CALL = 'bench.work';
const MEMBERS = 4;
/** Requests whose answers are awaited together. */
const BATCH = 256;

/**
 * Requests from one process, shared by four servers: participants of their own, each with its sockets, in one other process -
 * five processes on two cores would measure the scheduler.
 */
export const program: Program = {
  async serve({ directory }) {
    for (let member = 0; member < MEMBERS; member++) {
      const bus = await createBus({ name: `member-${member}`, plugins: [uds()], directory });
      bus.serve(CALL, (input) => input, { concurrency: BATCH });
    }
  },

  async drive({ directory }) {
    const bus: Bus = await createBus({ name: 'drive', plugins: [uds()], directory });
    return async (milliseconds) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count += BATCH)
        await Promise.all(Array.from({ length: BATCH }, () => bus.request(CALL, OBJECT)));
      return count;
    };
  },
};
