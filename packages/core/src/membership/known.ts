import { BusError } from '../contract/index.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Limits } from '../limits.ts';

/** Resolves when every peer has acknowledged; a peer that is stopped can hold it up, so it has a deadline. */
export function known(
  { deadlines, limits }: { readonly deadlines: Deadlines; readonly limits: Limits },
  acknowledged: Promise<void>,
  where: string,
): Promise<void> {
  const known = deadlines.within(
    acknowledged,
    limits.deadlineMs,
    () => new BusError('DEADLINE_EXCEEDED', 'a peer has not acknowledged in time', { where }),
  );
  // Nobody has to await `ready`.
  known.catch(() => {});
  return known;
}
