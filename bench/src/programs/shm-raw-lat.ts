import { DONE } from '@busbar/core/contract';
import { shm } from '@busbar/transport-shm';
import { pingPong } from '../ping-pong.ts';
import type { Job, Program } from '../program.ts';
import { pollFor, type Waiting } from './poller.ts';
import { openRawEndpoint } from './raw-endpoint.ts';
import { RawFrameWriter } from './raw-frame.ts';

/** One frame to and fro through rings, copied on both sides; one way is half of it. */
export function shmRawLatency(waiting: Waiting): Program {
  const echo = async ({ directory, size, partner }: Job): Promise<void> => {
    const { receiver, sender } = await openRawEndpoint(shm(), 'serve', directory, partner);
    const writer = new RawFrameWriter(sender, size);
    pollFor(receiver, waiting, () => {
      writer.write(0);
      sender.flush();
      return DONE;
    });
  };
  return {
    async serve(job) {
      // The two connect with each other, so the active side must be able to start meanwhile.
      void echo(job);
    },

    async drive({ directory, size, partner }) {
      const { receiver, sender } = await openRawEndpoint(shm(), 'drive', directory, partner);
      const writer = new RawFrameWriter(sender, size);
      let answered = (): void => {};
      pollFor(receiver, waiting, () => {
        answered();
        return DONE;
      });
      return (milliseconds, latencies) =>
        pingPong(milliseconds, latencies, (onAnswer) => {
          answered = onAnswer;
          return () => {
            writer.write(0);
            sender.flush();
          };
        });
    },
  };
}
