import type { Clock, TimerHandle } from '../contract/index.ts';

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/**
 * A clock that a test turns by hand: `createBus({ clock })`. Deadlines, retries and resume times follow it; sockets and
 * promises keep their own time. While messages are under way, `drain` and `close` wait for it too.
 */
export class VirtualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  /** Milliseconds turned so far. */
  now(): number {
    return this.#now;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimer(callback: () => void, ms: number): TimerHandle {
    const timer = { dueAt: this.#now + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /**
   * Turns the clock on by `ms`. What falls due is called in order, each at its own time, those set meanwhile included;
   * the event loop turns once after each, so that promises it settles are followed up first.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (let timer = this.#nextDue(until); timer !== undefined; timer = this.#nextDue(until)) {
      this.#timers.delete(timer);
      this.#now = timer.dueAt;
      timer.callback();
      await new Promise(setImmediate);
    }
    this.#now = until;
  }

  #nextDue(until: number): Timer | undefined {
    let next: Timer | undefined;
    // A set keeps the order of insertion: of two timers due together the older is first.
    for (const timer of this.#timers) {
      if (timer.dueAt <= until && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }
}
