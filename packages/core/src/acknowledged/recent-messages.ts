import { type Identified, IdTable } from '../id-table.ts';
import type { ActiveSubscription } from '../subscription.ts';
import type { Processing } from './processing.ts';

/** Messages that a bus remembers, of all senders. */
export const MAX_REMEMBERED = 100_000;
/** For how long, if there is room. */
export const REMEMBERED_MS = 120_000;
/** Forgotten entries that the queue may begin with before it is cut. */
const MAX_GONE = 4096;

/** What one message has come to. */
interface Memory extends Identified {
  readonly recent: RecentMessages;
  /** ms of the clock. */
  readonly at: number;
  /** Of a failed one: the subscriptions that have processed it, and do not get it again. Undefined: it is processed. */
  readonly processedBy: ReadonlySet<ActiveSubscription> | undefined;
}

/** In what order a bus forgets, over all senders: the last 100,000 outcomes of the last two minutes stay. */
export class Remembered {
  /** Oldest first; what stands before `#first` is gone. Not a map's order: to find a map's first is slow after many deletions. */
  readonly #queue: (Memory | undefined)[] = [];
  #first = 0;

  add(memory: Memory): void {
    this.#queue.push(memory);
    const before = memory.at - REMEMBERED_MS;
    for (let oldest = this.#queue[this.#first]; oldest !== undefined; oldest = this.#queue[this.#first]) {
      if (oldest.at > before && this.#queue.length - this.#first <= MAX_REMEMBERED) break;
      this.#queue[this.#first++] = undefined;
      oldest.recent.forget(oldest);
    }
    if (this.#first > MAX_GONE && this.#first * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
  }
}

/**
 * What one sender's messages under one label have come to here, so that a second copy of one is known as such: within two
 * minutes, or the last 100,000 messages of the bus.
 */
export class RecentMessages {
  readonly #remembered: Remembered;
  readonly #idle: () => void;
  /** With handlers at work, or waiting for one. */
  readonly #open = new IdTable<Processing>();
  /** Of a message that was tried again there are several: the last one counts. */
  readonly #memories = new IdTable<Memory>();

  /** `idle` is called when nothing is at work and nothing remembered any more. */
  constructor(remembered: Remembered, idle: () => void) {
    this.#remembered = remembered;
    this.#idle = idle;
  }

  begun(processing: Processing): void {
    this.#open.add(processing);
  }

  isOpen(id: number): boolean {
    return this.#open.get(id) !== undefined;
  }

  isProcessed(id: number): boolean {
    const memory = this.#memories.get(id);
    return memory !== undefined && memory.processedBy === undefined;
  }

  processedBy(id: number): ReadonlySet<ActiveSubscription> | undefined {
    return this.#memories.get(id)?.processedBy;
  }

  processed(processing: Processing, now: number): void {
    this.#open.remove(processing);
    this.#remember(processing.id, now, undefined);
  }

  failed(processing: Processing, now: number): void {
    const { id, processedBy } = processing;
    this.#open.remove(processing);
    if (processedBy !== undefined && processedBy.size > 0) this.#remember(id, now, processedBy);
    else this.#checkIdle();
  }

  #remember(id: number, at: number, processedBy: Memory['processedBy']): void {
    const memory: Memory = { recent: this, id, at, processedBy, nextInBucket: undefined };
    this.#memories.add(memory);
    this.#remembered.add(memory);
  }

  /** `memory` is among the oldest; a newer one of the same message stays. */
  forget(memory: Memory): void {
    this.#memories.remove(memory);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#open.size === 0 && this.#memories.size === 0) this.#idle();
  }
}
