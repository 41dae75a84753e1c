import type { Bus } from '@busbar/core';

/** What a bus counted of its deliveries. */
export interface Balance {
  /** Deliveries without an outcome; negative when some have two. */
  readonly open: number;
  readonly processed: number;
}

export function balanceOf({ counters: { targets, outcomes } }: Bus): Balance {
  const settled = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  return { open: targets - settled, processed: outcomes.processed };
}
