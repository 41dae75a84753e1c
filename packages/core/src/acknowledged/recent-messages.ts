import type { ActiveSubscription } from '../subscription.ts';
import type { Processing } from './processing.ts';

/** Processed messages that a bus remembers, of all senders. */
export const MAX_REMEMBERED = 100_000;
/** For how long, if there is room. */
const REMEMBERED_MS = 120_000;
/** Old ones are looked for once in so many messages. */
const SWEEP_EVERY = 256;

/** How many messages all `RecentMessages` of a bus remember. */
export interface Remembered {
  count: number;
}

/**
 * What one sender's messages under one label have come to here, so that a second copy of one is known as such: within two
 * minutes, or the last 100,000 messages of the bus.
 */
export class RecentMessages {
  /** With handlers at work, or waiting for one. */
  readonly open = new Map<number, Processing>();
  /** Message id to when it was processed, in ms of the clock; oldest first. */
  readonly #processed = new Map<number, number>();
  /** Failed ones that some subscriptions have processed: those do not get them again. */
  readonly #partly = new Map<number, ReadonlySet<ActiveSubscription>>();
  readonly #remembered: Remembered;

  constructor(remembered: Remembered) {
    this.#remembered = remembered;
  }

  isProcessed(id: number): boolean {
    return this.#processed.has(id);
  }

  processedBy(id: number): ReadonlySet<ActiveSubscription> | undefined {
    return this.#partly.get(id);
  }

  processed(id: number, now: number): void {
    this.open.delete(id);
    if (this.#partly.size > 0) this.#forgetPart(id);
    this.#processed.set(id, now);
    const remembered = this.#remembered;
    if (++remembered.count > MAX_REMEMBERED) this.#forgetFirst();
    if (remembered.count % SWEEP_EVERY === 0) this.#sweep(now - REMEMBERED_MS);
  }

  failed(id: number, processedBy: ReadonlySet<ActiveSubscription> | undefined): void {
    this.open.delete(id);
    if (processedBy === undefined || processedBy.size === 0) return;
    if (!this.#partly.has(id)) this.#remembered.count++;
    this.#partly.set(id, processedBy);
    if (this.#remembered.count > MAX_REMEMBERED) this.#forgetFirst();
  }

  /** The sender is gone for good. */
  clear(): void {
    this.#remembered.count -= this.#processed.size + this.#partly.size;
    this.#processed.clear();
    this.#partly.clear();
    this.open.clear();
  }

  #forgetFirst(): void {
    for (const id of this.#processed.keys()) {
      this.#processed.delete(id);
      this.#remembered.count--;
      return;
    }
    for (const id of this.#partly.keys()) {
      this.#forgetPart(id);
      return;
    }
  }

  #forgetPart(id: number): void {
    if (this.#partly.delete(id)) this.#remembered.count--;
  }

  #sweep(before: number): void {
    for (const [id, at] of this.#processed) {
      if (at > before) return;
      this.#processed.delete(id);
      this.#remembered.count--;
    }
  }
}
