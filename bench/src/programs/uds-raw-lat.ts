import { DONE } from '@busbar/core/contract';
import { uds } from '@busbar/transport-uds';
import { pingPong } from '../ping-pong.ts';
import type { Job, Program } from '../program.ts';
import { openRawEndpoint } from './raw-endpoint.ts';
import { RawFrameWriter } from './raw-frame.ts';

const POLL_FRAMES = 256;

/** One frame to and fro through the transport contract; one way is half of it. */
export const program: Program = {
  async serve(job) {
    // The two connect with each other, so the active side must be able to start meanwhile.
    void echo(job);
  },

  async drive({ directory, size, partner }) {
    const { receiver, sender } = await openRawEndpoint(uds(), 'drive', directory, partner);
    const writer = new RawFrameWriter(sender, size);
    let answered = (): void => {};
    const onFrame = (): typeof DONE => {
      answered();
      return DONE;
    };
    receiver.onReadable(() => {
      receiver.poll(onFrame, POLL_FRAMES);
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

async function echo({ directory, size, partner }: Job): Promise<void> {
  const { receiver, sender } = await openRawEndpoint(uds(), 'serve', directory, partner);
  const writer = new RawFrameWriter(sender, size);
  receiver.onReadable(() => {
    receiver.poll(() => {
      writer.write(0);
      return DONE;
    }, POLL_FRAMES);
    sender.flush();
  });
}
