import { createBus, OK } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import type { Program } from '../program.ts';
import { OBJECT } from './object.ts';
import { openSink } from './sink.ts';

const TOPIC = 'bench.acknowledged';
const MESSAGES_PER_LOOK = 1024;

/** Objects from one process to another, sent without waiting; counted when the handlers have processed all of them. */
export const program: Program = {
  serve: ({ directory }) => openSink(TOPIC, directory),

  async drive({ directory }) {
    const bus = await createBus({ name: 'drive', plugins: [uds()], directory });
    const publisher = bus.publisher(TOPIC, { reliability: 'acknowledged' });
    return async (milliseconds) => {
      let count = 0;
      const end = performance.now() + milliseconds;
      while (count % MESSAGES_PER_LOOK !== 0 || performance.now() < end) {
        if (publisher.send(OBJECT) === OK) count++;
        else await publisher.writable();
      }
      const { delivered, failed } = await publisher.flush();
      if (delivered !== count || failed.length > 0) throw new Error(`${delivered} of ${count} processed`);
      return count;
    };
  },
};
