import { beforeEach, describe, expect, test } from 'vitest';
import type { Processing } from '../../src/acknowledged/processing.ts';
import { MAX_REMEMBERED, REMEMBERED_MS, RecentMessages, Remembered } from '../../src/acknowledged/recent-messages.ts';
import type { ActiveSubscription } from '../../src/subscription.ts';

const subscription = {} as ActiveSubscription;
let remembered: Remembered;
let idle: number;
let recent: RecentMessages;

beforeEach(() => {
  remembered = new Remembered();
  idle = 0;
  recent = another();
});

function another(): RecentMessages {
  return new RecentMessages(remembered, () => idle++);
}

/** The work on message `id`. */
function work(id: number, processedBy?: Set<ActiveSubscription>): Processing {
  return { id, processedBy } as Processing;
}

describe('what a bus remembers of acknowledged messages', () => {
  test('the last 100,000, and no more', () => {
    for (let id = 1; id <= MAX_REMEMBERED; id++) recent.processed(work(id), 0);
    expect([recent.isProcessed(1), recent.isProcessed(MAX_REMEMBERED)]).toEqual([true, true]);
    recent.processed(work(MAX_REMEMBERED + 1), 0);
    expect([1, 2, MAX_REMEMBERED + 1].map((id) => recent.isProcessed(id))).toEqual([false, true, true]);
  });

  test('are those of all senders: the oldest make room, whoever sent them', () => {
    for (let id = 1; id <= MAX_REMEMBERED; id++) recent.processed(work(id), 0);
    const other = another();
    other.processed(work(1), 0);
    expect([other.isProcessed(1), recent.isProcessed(1), recent.isProcessed(2)]).toEqual([true, false, true]);
  });

  test('for two minutes', () => {
    recent.processed(work(1), 0);
    recent.processed(work(2), 1);
    recent.processed(work(3), REMEMBERED_MS - 1);
    expect([1, 2, 3].map((id) => recent.isProcessed(id))).toEqual([true, true, true]);
    another().processed(work(1), REMEMBERED_MS);
    expect([1, 2, 3].map((id) => recent.isProcessed(id))).toEqual([false, true, true]);
  });

  test('later messages take no longer than the first ones', () => {
    const timeOf = (from: number) => {
      const start = performance.now();
      for (let id = from; id < from + MAX_REMEMBERED; id++) recent.processed(work(id), 0);
      return performance.now() - start;
    };
    const first = timeOf(0);
    timeOf(MAX_REMEMBERED);
    expect(timeOf(2 * MAX_REMEMBERED)).toBeLessThan(first * 10 + 500);
  });

  test('who has processed a failed one, until all have', () => {
    recent.failed(work(1, new Set([subscription])), 0);
    expect([recent.isProcessed(1), recent.processedBy(1)?.has(subscription)]).toEqual([false, true]);
    recent.processed(work(1), 1);
    expect([recent.isProcessed(1), recent.processedBy(1)]).toEqual([true, undefined]);
    // What it was before is forgotten first, and takes nothing with it.
    another().processed(work(1), REMEMBERED_MS);
    expect(recent.isProcessed(1)).toBe(true);
  });

  test('nothing of one that nobody has processed; then its sender is nobody either', () => {
    const one = work(1);
    recent.begun(one);
    expect(recent.isOpen(1)).toBe(true);
    recent.failed(one, 0);
    expect([recent.isOpen(1), recent.processedBy(1), idle]).toEqual([false, undefined, 1]);
  });

  test('says when nothing is left, and not while something is at work', () => {
    recent.processed(work(1), 0);
    const two = work(2);
    recent.begun(two);
    another().processed(work(1), REMEMBERED_MS);
    expect([recent.isProcessed(1), idle]).toEqual([false, 0]);
    recent.processed(two, REMEMBERED_MS);
    another().processed(work(2), 2 * REMEMBERED_MS);
    expect(idle).toBe(2);
  });
});
