import { DONE, OK, type Sender } from '@busbar/core/contract';
import type { Job, Program } from '../program.ts';
import { type HostTransport, plugin } from './host-transport.ts';
import { openRawEndpoint } from './raw-endpoint.ts';
import { messageIdAt, RawFrameWriter } from './raw-frame.ts';
import { receive } from './receive.ts';

/** Payloads between two looks at the clock; few enough that the largest keep to the slice. */
const PAYLOADS_PER_LOOK = 64;
/** As a message id: answer with a frame when everything before has been handed over. */
const LAST = 0xffff_ffff;

/**
 * Payloads one way through the transport contract, the sequence of their frames checked on arrival. On a medium that is
 * polled both sides spin; on one that calls both wait for that.
 */
export function rawRate(transport: HostTransport): Program {
  return {
    async serve(job) {
      // The two connect with each other, so the active side must be able to start meanwhile.
      void take(transport, job);
    },

    async drive({ directory, size, partner }) {
      const medium = await plugin(transport);
      const { receiver, sender } = await openRawEndpoint(medium, 'drive', directory, partner);
      const spins = medium.capabilities.wakeup === 'poll';
      let answered = (): void => {};
      receive(receiver, spins ? 'park' : 'event', () => {
        answered();
        return DONE;
      });
      const writer = new RawFrameWriter(sender, size, medium.capabilities);
      const question = new RawFrameWriter(sender, 0, medium.capabilities);
      const framesPerLook = PAYLOADS_PER_LOOK * writer.pieces;
      let next = 0;
      return async (milliseconds) => {
        const first = next;
        for (const end = performance.now() + milliseconds; performance.now() < end; ) {
          for (let i = 0; i < framesPerLook; i++) {
            while (writer.write(next) !== OK) if (!spins) await room(sender);
            next++;
          }
        }
        while (question.write(LAST) !== OK) if (!spins) await room(sender);
        sender.flush();
        await new Promise<void>((resolve) => {
          answered = resolve;
        });
        return (next - first) / writer.pieces;
      };
    },
  };
}

function room(sender: Sender): Promise<void> {
  return new Promise((resolve) => sender.onWritable(resolve));
}

async function take(transport: HostTransport, { directory, partner }: Job): Promise<void> {
  const medium = await plugin(transport);
  const { receiver, sender } = await openRawEndpoint(medium, 'serve', directory, partner);
  const answer = new RawFrameWriter(sender, 0, medium.capabilities);
  let expected = 0;
  receive(receiver, medium.capabilities.wakeup === 'poll' ? 'spin' : 'event', (frame, offset) => {
    const sequence = messageIdAt(frame, offset);
    if (sequence === LAST) {
      answer.write(0);
      sender.flush();
    } else if (sequence !== expected++) throw new Error(`frame ${sequence} came for ${expected - 1}`);
    return DONE;
  });
}
