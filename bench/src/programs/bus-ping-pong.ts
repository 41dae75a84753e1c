import { createBus } from '@busbar/core';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';
import { type HostTransport, plugin } from './host-transport.ts';

/** `value` to and fro through the bus: send, handler, send back; one way is half of it. `spin`: between two spinners. */
export function busPingPong(transport: HostTransport, value: unknown, spin = false): Program {
  return {
    async serve({ directory, pair }) {
      const bus = await createBus({ name: `serve-${pair}`, plugins: [await plugin(transport)], directory, spin });
      const pong = bus.publisher(`bench.pong.${pair}`);
      bus.subscribe(`bench.ping.${pair}`, ({ data }) => void pong.send(data));
    },

    async drive({ directory, pair }) {
      const bus = await createBus({ name: `drive-${pair}`, plugins: [await plugin(transport)], directory, spin });
      const ping = bus.publisher(`bench.ping.${pair}`);
      let answered = (): void => {};
      await bus.subscribe(`bench.pong.${pair}`, () => answered()).ready;
      return (milliseconds, latencies) =>
        pingPong(milliseconds, latencies, (onAnswer) => {
          answered = onAnswer;
          return () => void ping.send(value);
        });
    },
  };
}
