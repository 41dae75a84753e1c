import type { Clock, TimerHandle } from './contract/index.ts';

/** Timers of Node overflow beyond; a longer deadline is armed again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Something that must be settled by a moment. Linked into the list of its duration; never in two lists. */
export interface Expirable {
  expiresAt: number;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;
  /** Called once, when the deadline passed; the entry has been removed. */
  expire(): void;
}

/** Entries of one duration, so that the order of arrival is the order of expiry. */
export class DeadlineLane {
  first: Expirable | undefined;
  last: Expirable | undefined;
  readonly ms: number;
  timer: TimerHandle | undefined;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/** A deadline that calls back. */
export class Deadline implements Expirable {
  expiresAt = 0;
  earlier: Expirable | undefined;
  later: Expirable | undefined;
  lane: DeadlineLane | undefined;
  readonly expire: () => void;

  constructor(expire: () => void) {
    this.expire = expire;
  }
}

/** Takes `entry` out of the list it is in, if it is in one. */
export function withdraw(entry: Expirable): void {
  const lane = entry.lane;
  if (lane === undefined) return;
  entry.lane = undefined;
  if (entry.earlier === undefined) lane.first = entry.later;
  else entry.earlier.later = entry.later;
  if (entry.later === undefined) lane.last = entry.earlier;
  else entry.later.earlier = entry.earlier;
  entry.earlier = undefined;
  entry.later = undefined;
}

/**
 * Deadlines of any number of calls: one timer per distinct duration, entry and removal in constant time.
 * A duration is rounded up to whole milliseconds; an entry expires at most 1 ms late by that.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lanes = new Map<number, DeadlineLane>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * | allocates                            | blocks | syscalls | callable from   |
   * | only the first entry of its duration | no     | 0        | the bus's thread|
   */
  add(entry: Expirable, ms: number): void {
    const rounded = Math.max(1, Math.ceil(ms));
    let lane = this.#lanes.get(rounded);
    if (lane === undefined) {
      lane = new DeadlineLane(rounded);
      this.#lanes.set(rounded, lane);
    }
    entry.expiresAt = this.#clock.now() + rounded;
    entry.lane = lane;
    entry.earlier = lane.last;
    entry.later = undefined;
    if (lane.last === undefined) lane.first = entry;
    else lane.last.later = entry;
    lane.last = entry;
    if (lane.timer === undefined) this.#arm(lane, rounded);
  }

  /** Takes the entry out; without effect when it is in no list. */
  remove(entry: Expirable): void {
    withdraw(entry);
  }

  /** `promise`, or a rejection with `late()` when it has not settled after `ms`. */
  within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry = new Deadline(() => reject(late()));
      this.add(entry, ms);
      promise.then(resolve, reject).finally(() => this.remove(entry));
    });
  }

  /** Forgets every entry without expiring it. */
  clear(): void {
    for (const lane of this.#lanes.values()) lane.timer?.cancel();
    this.#lanes.clear();
  }

  // The timer is not cancelled when its list empties (a busy caller would arm and cancel one a call); it finds nothing.
  #arm(lane: DeadlineLane, ms: number): void {
    lane.timer = this.#clock.setTimer(() => this.#expire(lane), Math.min(ms, MAX_TIMER_MS));
  }

  #expire(lane: DeadlineLane): void {
    lane.timer = undefined;
    const now = this.#clock.now();
    while (lane.first !== undefined && lane.first.expiresAt <= now) {
      const entry = lane.first;
      this.remove(entry);
      entry.expire();
    }
    // An expired entry may have added one to this lane.
    if (lane.timer !== undefined) return;
    if (lane.first !== undefined) this.#arm(lane, Math.max(1, lane.first.expiresAt - now));
    else this.#lanes.delete(lane.ms);
  }
}
