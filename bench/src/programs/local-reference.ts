import { createBus, OK } from '@busbar/core';
import type { Program } from '../program.ts';
import { assertDelivered } from './assert-delivered.ts';
import { OBJECT } from './object.ts';

const TOPIC = 'bench.local';
const MESSAGES_PER_LOOK = 256;

/** An object to a subscription of the own bus, handed over as it is. */
export const program: Program = {
  async drive({ directory }) {
    const bus = await createBus({ name: 'local', directory });
    let received = 0;
    bus.subscribe(TOPIC, ({ data }) => {
      if (data === OBJECT) received++;
    });
    const publisher = bus.publisher(TOPIC, { local: 'reference' });
    return async (milliseconds) => {
      const before = received;
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count += MESSAGES_PER_LOOK) {
        for (let i = 0; i < MESSAGES_PER_LOOK; i++) {
          while (publisher.send(OBJECT) !== OK) await publisher.writable();
        }
      }
      assertDelivered(await publisher.flush(), count);
      if (received - before !== count) throw new Error(`${received - before} of ${count} objects were handed over`);
      return count;
    };
  },
};
