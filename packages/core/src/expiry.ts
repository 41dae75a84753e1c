import type { Clock } from './contract/index.ts';
import type { Deadlines, Expirable } from './deadlines.ts';
import type { ReasonText } from './outcomes.ts';

/** The reason of a delivery whose message outlived its time in the sender's queues. */
export const TIME_PASSED: ReasonText = 'its time passed: before it could be sent';

/**
 * The moment a message or request is good until, as frames carry it: whole microseconds of the machine's monotonic
 * clock, the same in every process; 0 for none, which costs a comparison and no clock.
 */
export class Expiry {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;

  constructor(clock: Clock, deadlines: Deadlines) {
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

  /** The moment `ms` from now. */
  after(ms: number): number {
    return expiryAt(this.#clock.now() + ms);
  }

  /**
   * | allocates | blocks | syscalls                     | callable from    |
   * | no        | no     | 0; a clock read unless 0     | the bus's thread |
   */
  hasPassed(expiry: number): boolean {
    return expiry !== 0 && this.#clock.now() * 1000 >= expiry;
  }

  /** ms from now to `expiry`: 0 when it has passed, Infinity when there is none. */
  left(expiry: number): number {
    return expiry === 0 ? Number.POSITIVE_INFINITY : Math.max(0, expiry / 1000 - this.#clock.now());
  }

  /** `entry` expires at `expiry`, if at all. */
  watch(entry: Expirable, expiry: number): void {
    if (expiry !== 0) this.#deadlines.add(entry, this.left(expiry));
  }
}

/** The expiry of a moment in ms of the clock. */
export function expiryAt(ms: number): number {
  return Math.min(Math.ceil(ms * 1000), Number.MAX_SAFE_INTEGER);
}
