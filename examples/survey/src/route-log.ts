import { HYBRID, type Message, type Priority } from '@busbar/core';

/** Upper borders of the size classes, in bytes: where the default policy may change its mind. */
export const SIZE_BORDERS = HYBRID.borders;
/** Latency samples kept for one class; older ones give way. */
const MAX_SAMPLES = 4096;

/** The messages of one class, as one process received them. A class: priority, size and the transport taken. */
export interface ClassReport {
  readonly priority: Priority;
  /** Index into `SIZE_BORDERS`; one more for what is larger than all. */
  readonly size: number;
  readonly via: string;
  readonly count: number;
  /** One-way times in microseconds, of those messages that carried their send time. */
  readonly micros: readonly number[];
}

interface Tally {
  readonly priority: Priority;
  readonly size: number;
  readonly via: string;
  count: number;
  samples: number;
  readonly micros: number[];
}

/** Counts received messages by class, and keeps their sampled one-way times. */
export class RouteLog {
  readonly #tallies: Tally[] = [];

  received(message: Message): void {
    const size = sizeClass(message.data);
    const { priority, via, transitMicros } = message;
    let tally = this.#tallies.find((each) => each.priority === priority && each.size === size && each.via === via);
    if (tally === undefined) {
      tally = { priority, size, via, count: 0, samples: 0, micros: [] };
      this.#tallies.push(tally);
    }
    tally.count++;
    if (transitMicros !== undefined) tally.micros[tally.samples++ % MAX_SAMPLES] = transitMicros;
  }

  report(): readonly ClassReport[] {
    return this.#tallies.map(({ priority, size, via, count, micros }) => ({ priority, size, via, count, micros }));
  }
}

/** Only contents are raw bytes; every other message of the survey is far below the first border. */
function sizeClass(data: unknown): number {
  const bytes = data instanceof Uint8Array ? data.length : 0;
  let size = 0;
  while (size < SIZE_BORDERS.length && bytes > SIZE_BORDERS[size]) size++;
  return size;
}
