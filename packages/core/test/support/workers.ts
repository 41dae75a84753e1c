import type { Message } from '../../src/message.ts';
import type { Subscription } from '../../src/subscription.ts';
import type { Participant } from './pair.ts';

/** Credit for a message of `numbered`. */
const COST = 40 + 64;
/** Four messages of `numbered` fill a window. */
export const FOUR_A_WINDOW = { topicCredit: 4 * COST };

/** A payload that says its number. */
export function numbered(n: number): Uint8Array {
  return new Uint8Array(40).fill(n);
}

export function numberOf({ data }: Pick<Message, 'data'>): number {
  return (data as Uint8Array)[0];
}

export interface Worker {
  /** Numbers whose work has begun. */
  readonly seen: number[];
  readonly subscription: Subscription;
  /** The work that is longest under way is done. */
  finish(): void;
}

/** A member of a group whose handler ends when `finish` is called; with `concurrency` so many at once. */
export function worker({ bus }: Participant, group = 'workers', concurrency = 100, pattern = 't'): Worker {
  const seen: number[] = [];
  const running: (() => void)[] = [];
  const subscription = bus.subscribe(
    pattern,
    (message) => {
      seen.push(numberOf(message));
      return new Promise<void>((resolve) => running.push(resolve));
    },
    { group, concurrency },
  );
  return { seen, subscription, finish: () => running.shift()?.() };
}

/** The numbers that a handler of `t`, which is done at once, has got. */
export function reader({ bus }: Participant, group?: string): number[] {
  const seen: number[] = [];
  bus.subscribe('t', (message) => void seen.push(numberOf(message)), { group });
  return seen;
}
