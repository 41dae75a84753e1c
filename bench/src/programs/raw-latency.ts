import { DONE, type Receiver } from '@busbar/core/contract';
import { pingPong } from '../ping-pong.ts';
import type { Job, Program } from '../program.ts';
import { type HostTransport, plugin } from './host-transport.ts';
import { openRawEndpoint } from './raw-endpoint.ts';
import { RawFrameWriter } from './raw-frame.ts';
import { receive, type Waiting } from './receive.ts';

/** One frame to and fro through the transport contract; one way is half of it. */
export function rawLatency(transport: HostTransport, waiting: Waiting): Program {
  return {
    async serve(job) {
      // The two connect with each other, so the active side must be able to start meanwhile.
      void open(transport, 'serve', job).then(({ receiver, send }) =>
        receive(receiver, waiting, () => {
          send();
          return DONE;
        }),
      );
    },

    async drive(job) {
      const { receiver, send } = await open(transport, 'drive', job);
      let answered = (): void => {};
      receive(receiver, waiting, () => {
        answered();
        return DONE;
      });
      return (milliseconds, latencies) =>
        pingPong(milliseconds, latencies, (onAnswer) => {
          answered = onAnswer;
          return send;
        });
    },
  };
}

/** One side: where frames arrive, and what sends one. */
async function open(
  transport: HostTransport,
  name: string,
  { directory, size, partner }: Job,
): Promise<{ receiver: Receiver; send: () => void }> {
  const medium = await plugin(transport);
  const { receiver, sender } = await openRawEndpoint(medium, name, directory, partner);
  const writer = new RawFrameWriter(sender, size, medium.capabilities);
  const send = (): void => {
    writer.write(0);
    sender.flush();
  };
  return { receiver, send };
}
