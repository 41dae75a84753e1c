import { createBus, OK } from '@busbar/core';
import type { Program } from '../program.ts';
import { OBJECT } from './object.ts';

const TOPIC = 'sensors.7.value';
/** Publishes between two pauses for the event loop. */
const BATCH = 200;

/**
 * The cost of a publish on a bus with `subscriptions` others, each to a pattern of its own, none of which match. Between
 * any two, some subscription comes or goes, so that each publish has to look up its subscribers again.
 */
export function publishAmong(subscriptions: number): Program {
  return {
    async drive({ directory }) {
      const bus = await createBus({ name: 'busy', directory });
      const ignore = (): void => {};
      for (let i = 0; i < subscriptions; i++) {
        const pattern = [`sensors.${i + 100}.value`, `sensors.${i + 100}.*`, `*.${i + 100}.value`, `sites.${i}.>`][
          i % 4
        ];
        bus.subscribe(pattern, ignore);
      }
      bus.subscribe(TOPIC, ignore);
      const publisher = bus.publisher(TOPIC, { local: 'reference' });
      return async (milliseconds, latencies) => {
        let count = 0;
        for (const end = performance.now() + milliseconds; performance.now() < end; ) {
          for (let i = 0; i < BATCH; i++) {
            bus.subscribe('elsewhere', ignore).close();
            const begin = performance.now();
            const result = publisher.send(OBJECT);
            latencies.record((performance.now() - begin) * 1e6);
            if (result !== OK) throw new Error(`a local publish answered ${result}`);
            count++;
          }
          await publisher.flush();
        }
        return count;
      };
    },
  };
}
