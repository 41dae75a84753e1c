import { type Candidate, type Facts, HYBRID, select } from '@busbar/core';
import { memory } from '@busbar/transport-memory';
import { uds } from '@busbar/transport-uds';
import type { Program } from '../program.ts';

/** Selections timed together: one takes less than the clock. */
const BATCH = 100;

const FACTS: readonly Facts[] = [0, 1, 2, 3, 4].map((priority) => ({
  topic: 'prices.tick.EURUSD',
  priority,
  reliability: 'reliable',
  durability: 'volatile',
  bytes: 107,
  awake: [],
}));

/** The cost of one decision of the selector between two routes, nothing cached. */
export const program: Program = {
  async drive() {
    const candidates: Candidate[] = [memory(), uds()].map(({ name, capabilities }) => ({
      transport: name,
      capabilities,
      state: 'up',
    }));
    return async (milliseconds, latencies) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count += BATCH) {
        const begin = performance.now();
        for (let i = 0; i < BATCH; i++) {
          if (select(FACTS[i % FACTS.length], candidates, HYBRID).route === undefined) throw new Error('no route');
        }
        latencies.record(((performance.now() - begin) * 1e6) / BATCH);
      }
      return count;
    };
  },
};
