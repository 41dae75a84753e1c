import type { ProgramName } from './programs/index.ts';

/** Raw frames over media that are polled: `spin`, `hot`, `park`; over others: `lat`. */
export type Mode = 'lat' | 'spin' | 'hot' | 'park' | 'rate' | 'bus' | 'bus-rate';

/** What a row is held to. Ratios are the row's figure over its floor's, both medians of the same run. */
export type Target =
  | { readonly figure: 'p50'; readonly atMostRatio: number }
  | { readonly figure: 'rate'; readonly atLeastRatio: number }
  | { readonly figure: 'rate'; readonly atLeast: number }
  | { readonly figure: 'rate'; readonly atLeastBytes: number }
  | { readonly figure: 'p50'; readonly atMostNanos: number }
  | { readonly figure: 'p50'; readonly atMostNanosOver: number }
  | { readonly figure: 'p99'; readonly atMostNanos: number };

/** One line of the benchmark: what is measured, against what. */
export interface RowSpec {
  readonly name: string;
  readonly transport: string;
  readonly mode: Mode;
  /** Payload bytes. */
  readonly size: number;
  readonly program: ProgramName;
  readonly floor?: ProgramName;
  /** The floor's `size`, where it differs. */
  readonly floorSize?: number;
  /** Runs in one process instead of two. */
  readonly single?: boolean;
  /** Pairs at work at the same time; default 1. */
  readonly pairs?: number;
  readonly target?: Target;
  /** Least rate of the slowest pair over that of the fastest. */
  readonly fairness?: number;
  /** Left out by `--quick`. */
  readonly slow?: boolean;
}

/** The figures of one program; times in ns, 0 where the program measures none. */
export interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly msgsPerSec: number;
  /** Payload bytes that arrived, in 1e9 a second: each counts once, however often it was copied on its way. */
  readonly gbPerSec: number;
}

/** One line of the JSON that `--json` writes. */
export interface Row extends Figures {
  readonly name: string;
  readonly transport: string;
  readonly mode: Mode;
  readonly size: number;
  /** Processor time of all processes of the row over wall time; 1 is one core. */
  readonly cpu: number;
  readonly floor: Omit<Figures, 'p999'> | null;
  readonly runs: number;
  /** With `--against`: this tree's p50, or rate, over that of REF, with the 95 % interval of the ratio. */
  readonly against?: { readonly ref: string; readonly ratio: number; readonly low: number; readonly high: number };
}
