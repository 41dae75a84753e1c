import type { Histogram } from './histogram.ts';

/** What a process of a measurement is told. */
export interface Job {
  /** A folder of this run alone, short enough for socket paths. */
  readonly directory: string;
  /** Which of several pairs running at once, from 0. */
  readonly pair: number;
  /** Payload bytes of one message, where the program leaves it open. */
  readonly size: number;
  /** To the other process of the pair, while the two are setting up. */
  readonly partner: Partner;
}

export interface Partner {
  send(message: unknown): void;
  onMessage(handler: (message: unknown) => void): void;
}

/**
 * Measures for about `milliseconds` and resolves to the number of messages, once all of them have arrived at the
 * other side; the caller times the whole. Programs of latency record each one-way time, in ns.
 */
export type Slice = (milliseconds: number, latencies: Histogram) => Promise<number>;

/** Work to be measured, in two processes, or in one where `serve` is absent. */
export interface Program {
  /** The passive side; resolves when the active one may start. */
  serve?(job: Job): Promise<void>;
  /** The active side; resolves when the two are connected. */
  drive(job: Job): Promise<Slice>;
}
