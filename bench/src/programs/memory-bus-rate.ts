import { createBus, OK } from '@busbar/core';
import { memory } from '@busbar/transport-memory';
import type { Program } from '../program.ts';
import { assertDelivered } from './assert-delivered.ts';

const TOPIC = 'bench.memory';
const MESSAGES_PER_LOOK = 256;

/** `value` from one bus to another of the same process, over the memory transport, reliable. */
export function memoryBusRate(value: unknown): Program {
  return {
    async drive({ directory }) {
      const sink = await createBus({ name: 'sink', plugins: [memory()], directory });
      let received = 0;
      sink.subscribe(TOPIC, () => {
        received++;
      });
      const source = await createBus({ name: 'source', plugins: [memory()], directory });
      const publisher = source.publisher(TOPIC);
      return async (milliseconds) => {
        const before = received;
        let count = 0;
        for (const end = performance.now() + milliseconds; performance.now() < end; count += MESSAGES_PER_LOOK) {
          for (let i = 0; i < MESSAGES_PER_LOOK; i++) {
            while (publisher.send(value) !== OK) await publisher.writable();
          }
        }
        assertDelivered(await publisher.flush(), count);
        if (received - before !== count) throw new Error(`${received - before} of ${count} messages were handled`);
        return count;
      };
    },
  };
}
