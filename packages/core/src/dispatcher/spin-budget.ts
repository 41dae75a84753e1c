import { readFileSync } from 'node:fs';
import type { Clock } from '../contract/index.ts';

/** Longest wait for a message by polling. */
const BUDGET_MS = 0.05;
/** A wait that was not longer than this cost no more than to fall asleep and be woken would have. */
const FREE_MS = 0.01;
const SAMPLE_MS = 10;
const MAX_RUN_DELAY_SHARE = 0.05;
const MAX_CORE_SHARE = 0.1;
const ACCOUNT_MS = 1000;

/**
 * Whether polling again is worth a core. Spinning is earned: up to 50 us after the last message, at most a tenth of a
 * core over a second beyond what sleeping would have cost, and nothing while others wait for a core: when this thread's run
 * delay (`/proc/thread-self/schedstat`, second field, ns) grew by more than 5 % of the last 10 ms.
 * Measured: 6 ping-pong pairs on 2 cores, ungated 24,000 round trips/s, gated 108,000.
 */
export class SpinBudget {
  readonly #clock: Clock;
  readonly #readRunDelay: () => number;
  #sampledAt = Number.NEGATIVE_INFINITY;
  #runDelay = 0;
  #contended = false;
  #accountStart = 0;
  #spent = 0;

  constructor(clock: Clock, readRunDelay: () => number = runDelayMs) {
    this.#clock = clock;
    this.#readRunDelay = readRunDelay;
  }

  /** True: poll again. `waited`: ms polled since the last message. */
  allows(waited: number): boolean {
    if (waited > BUDGET_MS) return false;
    const now = this.#clock.now();
    if (now - this.#sampledAt >= SAMPLE_MS) this.#sample(now);
    if (this.#contended) return false;
    if (now - this.#accountStart >= ACCOUNT_MS) {
      this.#accountStart = now;
      this.#spent = 0;
    }
    return this.#spent + waited <= ACCOUNT_MS * MAX_CORE_SHARE;
  }

  /** A wait is over, by a message or by falling asleep. */
  waited(ms: number): void {
    if (ms > FREE_MS) this.#spent += Math.min(ms, BUDGET_MS) - FREE_MS;
  }

  #sample(now: number): void {
    const runDelay = this.#readRunDelay();
    const elapsed = now - this.#sampledAt;
    // The first sample has nothing to compare with; a long pause says nothing about the last 10 ms.
    this.#contended = elapsed < ACCOUNT_MS && runDelay - this.#runDelay > elapsed * MAX_RUN_DELAY_SHARE;
    this.#runDelay = runDelay;
    this.#sampledAt = now;
  }
}

/** Time this thread has waited for a core, in ms; 0 where the system does not say. */
export function runDelayMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
