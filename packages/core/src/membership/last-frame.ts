import type { Link } from '../link/link.ts';

/** Turns of the event loop without a frame from a departed peer, after which nothing of it can be left unread. */
const QUIET_TURNS = 3;

/** Calls `done` when everything a departed peer had committed has been read; never once `returned` says it is back. */
export function afterLastFrame(link: Link, returned: () => boolean, done: () => void): void {
  let seen = link.framesReceived;
  let quiet = 0;
  const turn = (): void => {
    if (returned()) return;
    quiet = link.framesReceived === seen ? quiet + 1 : 0;
    seen = link.framesReceived;
    if (quiet >= QUIET_TURNS) done();
    else setImmediate(turn);
  };
  setImmediate(turn);
}
