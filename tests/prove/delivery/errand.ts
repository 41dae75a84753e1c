import { between } from '@busbar/conformance/campaigns';
import type { AckOptions } from '@busbar/core';
import { contentOf } from '../stream-check.ts';
import { type Task, TOPICS, taskName } from './task.ts';

/** Kinds of tasks by share. */
const LARGE = 0.03;
const HASTY = 0.08;
const FRAIL = 0.05;
const KEYED = 0.3;

/** Longer than a round can take: who waits for it hangs. */
const PATIENT_MS = 120_000;
/** Less than a handler may take, so that a second copy is on its way while the first is at work, or just done. */
const HASTY_MS = 25;
const HASTY_DELIVERIES = 1_000;
const FRAIL_DELIVERIES = 2;
const MAX_SMALL_BYTES = 300;
const MAX_LARGE_BYTES = 200_000;
const KEYS = ['x', 'y', 'z'];

/** A task to be sent, and how. */
export interface Errand {
  readonly topic: string;
  readonly orderKey: string | undefined;
  readonly terms: AckOptions;
  readonly task: Task;
}

/** Makes up task `number` of `producer`: small or in fragments, with an order key or not, patient or hasty. */
export function errand(next: () => number, producer: string, number: number): Errand {
  const dice = next();
  const isLarge = dice < LARGE;
  const isHasty = !isLarge && dice < LARGE + HASTY;
  const isFrail = !isHasty && dice > 1 - FRAIL;
  const topic = TOPICS[between(next, 0, TOPICS.length - 1)];
  // A hasty task without a key could be done by two at once, the later one from the copy without the mark.
  const orderKey = isHasty || next() < KEYED ? KEYS[between(next, 0, KEYS.length - 1)] : undefined;
  const bytes = isLarge ? between(next, MAX_LARGE_BYTES / 2, MAX_LARGE_BYTES) : between(next, 0, MAX_SMALL_BYTES);
  return {
    topic,
    orderKey,
    terms: isHasty
      ? { ackTimeout: HASTY_MS, maxDeliveries: HASTY_DELIVERIES }
      : { ackTimeout: PATIENT_MS, maxDeliveries: isFrail ? FRAIL_DELIVERIES : 10 },
    task: {
      task: taskName(producer, topic, orderKey, number),
      number,
      content: contentOf(0, number, bytes),
      isHasty,
    },
  };
}
