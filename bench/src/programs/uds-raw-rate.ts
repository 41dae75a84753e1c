import { DONE, type FrameHandler, OK } from '@busbar/core/contract';
import { uds } from '@busbar/transport-uds';
import type { Job, Program } from '../program.ts';
import { openRawEndpoint } from './raw-endpoint.ts';
import { messageIdAt, RawFrameWriter } from './raw-frame.ts';

const POLL_FRAMES = 256;
/** Frames between two looks at the clock; few enough that the largest frames keep to the slice. */
const FRAMES_PER_LOOK = 64;
/** As a message id: answer with a frame when everything before has been handed over. */
const LAST = 0xffff_ffff;

/** Frames one way through the transport contract, each one's sequence checked on arrival. */
export const program: Program = {
  async serve(job) {
    // The two connect with each other, so the active side must be able to start meanwhile.
    void take(job);
  },

  async drive({ directory, size, partner }) {
    const { receiver, sender } = await openRawEndpoint(uds(), 'drive', directory, partner);
    const writer = new RawFrameWriter(sender, size);
    let answered = (): void => {};
    receiver.onReadable(() => {
      receiver.poll(() => {
        answered();
        return DONE;
      }, POLL_FRAMES);
    });
    let next = 0;
    const send = async (messageId: number): Promise<void> => {
      while (writer.write(messageId) !== OK) await new Promise<void>((resolve) => sender.onWritable(resolve));
    };
    return async (milliseconds) => {
      const first = next;
      for (const end = performance.now() + milliseconds; performance.now() < end; ) {
        for (let i = 0; i < FRAMES_PER_LOOK; i++) {
          if (writer.write(next) !== OK) await send(next);
          next++;
        }
      }
      await send(LAST);
      sender.flush();
      await new Promise<void>((resolve) => {
        answered = resolve;
      });
      return next - first;
    };
  },
};

async function take({ directory, partner }: Job): Promise<void> {
  const { receiver, sender } = await openRawEndpoint(uds(), 'serve', directory, partner);
  const answer = new RawFrameWriter(sender, 0);
  let expected = 0;
  const onFrame: FrameHandler = (frame, offset) => {
    const sequence = messageIdAt(frame, offset);
    if (sequence === LAST) {
      answer.write(0);
      sender.flush();
    } else if (sequence !== expected++) throw new Error(`frame ${sequence} came for ${expected - 1}`);
    return DONE;
  };
  receiver.onReadable(() => {
    while (receiver.poll(onFrame, POLL_FRAMES) === POLL_FRAMES) {}
  });
}
