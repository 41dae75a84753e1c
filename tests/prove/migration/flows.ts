import { between } from '@busbar/conformance/campaigns';
import { type Policy, type Priority, rules } from '@busbar/core';

/** One unit of order: its messages arrive in theirs, whatever carries them. */
export interface Flow {
  readonly number: number;
  readonly topic: string;
  readonly priority: Priority;
}

export const PATTERN = 'flow.*';

/** Eight topics that share no flow. */
export const FLOWS: readonly Flow[] = Array.from({ length: 8 }, (_, number) => ({
  number,
  topic: `flow.${number}`,
  priority: number % 2 === 0 ? 'high' : 'normal',
}));

/** Payload bytes: mostly small, so that many are under way; some large enough to travel in pieces. */
export function drawSize(next: () => number): number {
  const dice = next();
  if (dice < 0.98) return between(next, 100, 600);
  if (dice < 0.997) return between(next, 4_000, 60_000);
  return between(next, 80_000, 400_000);
}

/** Payload bytes of a message that takes the other way: mostly one in five. */
const OTHER_WAY_BYTES = 500;

/**
 * Each flow prefers one transport for most of its messages and the other for the larger ones: where a flow always keeps
 * to one route, what comes next waits until that is open, and nothing has to be put in order.
 */
export const POLICY: Policy = rules([
  { match: { priority: 'high', bytes: { min: OTHER_WAY_BYTES } }, prefer: ['uds', 'shm'] },
  { match: { priority: 'high' }, prefer: ['shm', 'uds'] },
  { match: { bytes: { min: OTHER_WAY_BYTES } }, prefer: ['shm', 'uds'] },
  { match: {}, prefer: ['uds', 'shm'] },
]);
