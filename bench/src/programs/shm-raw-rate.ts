import { DONE, type FrameHandler, OK } from '@busbar/core/contract';
import { shm } from '@busbar/transport-shm';
import type { Job, Program } from '../program.ts';
import { pollFor } from './poller.ts';
import { openRawEndpoint } from './raw-endpoint.ts';
import { messageIdAt, RawFrameWriter } from './raw-frame.ts';

const FRAMES_PER_LOOK = 64;
/** As a message id: answer with a frame when everything before has been handed over. */
const LAST = 0xffff_ffff;

/** Frames one way through a ring, each committed and its sequence checked on arrival; both sides spin. */
export const program: Program = {
  async serve(job) {
    // The two connect with each other, so the active side must be able to start meanwhile.
    void take(job);
  },

  async drive({ directory, size, partner }) {
    const { receiver, sender } = await openRawEndpoint(shm(), 'drive', directory, partner);
    const writer = new RawFrameWriter(sender, size);
    let answered = (): void => {};
    pollFor(receiver, 'park', () => {
      answered();
      return DONE;
    });
    let next = 0;
    return async (milliseconds) => {
      const first = next;
      for (const end = performance.now() + milliseconds; performance.now() < end; ) {
        for (let i = 0; i < FRAMES_PER_LOOK; i++) {
          while (writer.write(next) !== OK) {}
          next++;
        }
      }
      while (writer.write(LAST) !== OK) {}
      sender.flush();
      await new Promise<void>((resolve) => {
        answered = resolve;
      });
      return next - first;
    };
  },
};

async function take({ directory, partner }: Job): Promise<void> {
  const { receiver, sender } = await openRawEndpoint(shm(), 'serve', directory, partner);
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
  pollFor(receiver, 'spin', onFrame);
}
