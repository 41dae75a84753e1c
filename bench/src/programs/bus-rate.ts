import { createBus, OK } from '@busbar/core';
import type { Program } from '../program.ts';
import { assertDelivered } from './assert-delivered.ts';
import { type HostTransport, plugin } from './host-transport.ts';
import { OBJECT } from './object.ts';
import { openSink } from './sink.ts';

const TOPIC = 'bench.rate';
const MESSAGES_PER_LOOK = 256;

/** Objects from one process to another through the bus by `send`, reliable, all confirmed when the slice ends. */
export function busRate(transport: HostTransport): Program {
  return {
    serve: ({ directory }) => openSink(TOPIC, directory, transport),

    async drive({ directory }) {
      const bus = await createBus({ name: 'drive', plugins: [await plugin(transport)], directory });
      const publisher = bus.publisher(TOPIC);
      return async (milliseconds) => {
        let count = 0;
        for (const end = performance.now() + milliseconds; performance.now() < end; count += MESSAGES_PER_LOOK) {
          for (let i = 0; i < MESSAGES_PER_LOOK; i++) {
            while (publisher.send(OBJECT) !== OK) await publisher.writable();
          }
        }
        assertDelivered(await publisher.flush(), count);
        return count;
      };
    },
  };
}
