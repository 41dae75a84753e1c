import type { Link } from '../link/link.ts';

/** Turns of the event loop without a frame from a departed peer, after which nothing of it can be left unread. */
const QUIET_TURNS = 3;

/** Calls `done` when everything that departed peers had committed has been read; never once `returned` says one is back. */
export function afterLastFrame(links: readonly Link[], returned: () => boolean, done: () => void): void {
  const received = (): number => links.reduce((frames, link) => frames + link.framesReceived, 0);
  let seen = received();
  let quiet = 0;
  const turn = (): void => {
    if (returned()) return;
    const frames = received();
    quiet = frames === seen ? quiet + 1 : 0;
    seen = frames;
    if (quiet >= QUIET_TURNS) done();
    else setImmediate(turn);
  };
  setImmediate(turn);
}
