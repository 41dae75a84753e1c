import type { FrameHandler, Receiver } from '@busbar/core/contract';

/**
 * How a participant waits for frames. On a medium that is polled: burning its core, from its event loop, or asleep
 * until the doorbell. On one that calls: until it is called.
 */
export type Waiting = 'spin' | 'hot' | 'park' | 'event';

const POLL_FRAMES = 256;
/** A spinner looks at the clock, and gives way to its event loop, every so often. */
const POLLS_A_TURN = 10_000;
/** After so many turns without a frame it sleeps, so that the floor has the core to itself. */
const IDLE_TURNS = 50;

/** Hands every frame that arrives at `receiver` to `handler`, for good, waiting in that way. */
export function receive(receiver: Receiver, waiting: Waiting, handler: FrameHandler): void {
  if (waiting === 'event') {
    receiver.onReadable(() => {
      while (receiver.poll(handler, POLL_FRAMES) === POLL_FRAMES) {}
    });
    return;
  }
  const polls = waiting === 'spin' ? POLLS_A_TURN : 1;
  const idleTurns = waiting === 'park' ? 0 : waiting === 'spin' ? IDLE_TURNS : IDLE_TURNS * 1000;
  let idle = 0;
  const turn = (): void => {
    let handed = 0;
    for (let i = 0; i < polls; i++) handed += receiver.poll(handler, POLL_FRAMES);
    idle = handed > 0 ? 0 : idle + 1;
    if (idle <= idleTurns || !receiver.prepareToSleep()) setImmediate(turn);
  };
  receiver.onReadable(() => {
    idle = 0;
    turn();
  });
  turn();
}
