import { Histogram } from './histogram.ts';

const IDLE_EVERY_MS = 50;

/** What one way of waiting has come to. */
export class Tally {
  /** One-way times: half a round trip each. */
  readonly times = new Histogram();
  /** Milliseconds with a message on its way. */
  busyMs = 0;
  /** Milliseconds of all turns, and what both processes used of the processor in them. */
  wallMs = 0;
  cpuMs = 0;

  /** Messages a second while one was on its way; a round trip is two. */
  get messagesPerSecond(): number {
    return this.busyMs === 0 ? 0 : (2 * this.times.count) / (this.busyMs / 1000);
  }

  /** Cores in use, of both processes together. */
  get cores(): number {
    return this.wallMs === 0 ? 0 : this.cpuMs / this.wallMs;
  }
}

/** A stretch of time in which one way of waiting is measured. */
export class Turn {
  readonly #endsAt: number;
  readonly #tally: Tally;
  readonly #signal: AbortSignal;
  readonly #onIdle: (now: number) => void;
  #idleAt = 0;

  /**
   * Over after `milliseconds`, or when `signal` fires. `onIdle` runs now and then while no message is on its way, so
   * that what it takes is nobody's latency.
   */
  constructor(milliseconds: number, tally: Tally, signal: AbortSignal, onIdle: (now: number) => void) {
    this.#endsAt = performance.now() + milliseconds;
    this.#tally = tally;
    this.#signal = signal;
    this.#onIdle = onIdle;
  }

  /** No further message is to be sent. */
  over(now: number): boolean {
    return now >= this.#endsAt || this.#signal.aborted;
  }

  roundTrip(milliseconds: number): void {
    this.#tally.busyMs += milliseconds;
    this.#tally.times.record(milliseconds * 5e5);
  }

  /** Nothing is on its way. Answers the time that it is afterwards. */
  idle(now: number): number {
    if (now - this.#idleAt < IDLE_EVERY_MS) return now;
    this.#idleAt = now;
    this.#onIdle(now);
    return performance.now();
  }
}
