import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Histogram } from './histogram.ts';
import type { Figures, Row, RowSpec } from './row.ts';
import { median } from './statistics.ts';
import { type SliceResult, Team } from './team.ts';

/** How long to measure. */
export interface Effort {
  /** Fresh processes for every run; the row tells the median. */
  readonly runs: number;
  /** Slices of each run, the row's and the floor's in turn. */
  readonly slices: number;
  readonly sliceMs: number;
}

export const FULL: Effort = { runs: 5, slices: 8, sliceMs: 200 };
export const QUICK: Effort = { runs: 2, slices: 4, sliceMs: 100 };

const WARM_UP_MS = 250;
const MAX_WARM_UPS = 12;

/** A measured row, with what the table shows beside the JSON. */
export interface Measured {
  readonly row: Row;
  /** Slowest pair over fastest; 1 for a single pair. */
  readonly fairness: number;
}

/** Runs a row and its floor by turns, slice by slice, so that both meet the same moods of the machine. */
export async function measure(spec: RowSpec, effort: Effort): Promise<Measured> {
  const own: RunFigures[] = [];
  const floor: RunFigures[] = [];
  for (let run = 0; run < effort.runs; run++) {
    // Each its own: two buses in one would hear each other.
    const directories = ['bb-', 'bb-'].map((prefix) => mkdtempSync(path.join(tmpdir(), prefix)));
    try {
      const starts = [() => startTeam(spec, directories[0])];
      const { floor: program } = spec;
      if (program !== undefined) starts.push(() => startFloor(spec, program, directories[1]));
      const [ofRow, ofFloor] = await measureTogether(
        starts,
        [spec.size, spec.floorSize ?? spec.size],
        effort,
        spec.pairs,
      );
      own.push(ofRow);
      if (ofFloor !== undefined) floor.push(ofFloor);
    } finally {
      for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    }
  }
  return { row: rowOf(spec, own, floor), fairness: median(own.map(({ fairness }) => fairness)) };
}

/** One run of several teams, their slices by turns; `sizes` are the payload bytes of each. */
export async function measureTogether(
  starts: readonly (() => Promise<Team>)[],
  sizes: readonly number[],
  effort: Effort,
  pairs = 1,
): Promise<RunFigures[]> {
  const teams: Team[] = [];
  try {
    for (const start of starts) teams.push(await start());
    for (const team of teams) await warmUp(team, pairs);
    const slices: SliceResult[][] = teams.map(() => []);
    for (let i = 0; i < effort.slices; i++) {
      const order = teams.map((_, index) => index);
      if (i % 2 === 1) order.reverse();
      for (const index of order) slices[index].push(await teams[index].slice(effort.sliceMs));
    }
    return slices.map((of, index) => summarize(of, sizes[index]));
  } finally {
    await Promise.all(teams.map((team) => team.stop()));
  }
}

/**
 * Until the code is compiled: two slices in a row are no more than a tenth faster than the best before them. How long
 * that takes depends on who else compiles; six pairs on two cores need seconds, in which they reach a tenth of their
 * rate.
 */
async function warmUp(team: Team, pairs: number): Promise<void> {
  let best = 0;
  let steady = 0;
  for (let i = 0; i < MAX_WARM_UPS && steady < 2; i++) {
    const { rates } = await team.slice(WARM_UP_MS * pairs);
    const rate = rates.reduce((sum, of) => sum + of, 0);
    steady = rate > best * 1.1 ? 0 : steady + 1;
    best = Math.max(best, rate);
  }
}

/** The line of the JSON: medians of the runs. */
export function rowOf(spec: RowSpec, own: readonly RunFigures[], floor: readonly RunFigures[]): Row {
  const { name, transport, mode, size } = spec;
  const { p50, p99, p999, msgsPerSec, gbPerSec, cpu } = medians(own);
  const figures = { p50, p99, p999, msgsPerSec, gbPerSec, cpu };
  return { name, transport, mode, size, ...figures, floor: floorOf(floor), runs: own.length };
}

/** The processes of a row, of this tree or of the worker script given. */
export function startTeam(spec: RowSpec, directory: string, worker?: string): Promise<Team> {
  const { program, size, pairs = 1, single = false } = spec;
  return Team.start({ program, directory, size, pairs, single }, worker);
}

function startFloor(spec: RowSpec, program: NonNullable<RowSpec['floor']>, directory: string): Promise<Team> {
  const { size, floorSize = size, pairs = 1, single = false } = spec;
  return Team.start({ program, directory, size: floorSize, pairs, single });
}

/** What one run of one team measured. */
export type RunFigures = Figures & { readonly cpu: number; readonly fairness: number };

/** Percentiles over all samples of the run; the rate of several pairs is their sum. */
function summarize(slices: readonly SliceResult[], size: number): RunFigures {
  const latencies = new Histogram();
  for (const slice of slices) latencies.add(slice.latencies);
  const msgsPerSec = median(slices.map(({ rates }) => rates.reduce((sum, rate) => sum + rate, 0)));
  const perPair = slices[0].rates.map((_, pair) => slices.reduce((sum, { rates }) => sum + rates[pair], 0));
  return {
    p50: latencies.percentile(0.5),
    p99: latencies.percentile(0.99),
    p999: latencies.percentile(0.999),
    msgsPerSec,
    gbPerSec: (msgsPerSec * size) / 1e9,
    cpu: median(slices.map(({ cpu }) => cpu)),
    fairness: Math.min(...perPair) / Math.max(...perPair),
  };
}

function medians(runs: readonly RunFigures[]): RunFigures {
  const of = (key: keyof RunFigures): number => median(runs.map((run) => run[key]));
  return {
    p50: of('p50'),
    p99: of('p99'),
    p999: of('p999'),
    msgsPerSec: of('msgsPerSec'),
    gbPerSec: of('gbPerSec'),
    cpu: of('cpu'),
    fairness: of('fairness'),
  };
}

function floorOf(runs: readonly RunFigures[]): Row['floor'] {
  if (runs.length === 0) return null;
  const { p50, p99, msgsPerSec, gbPerSec } = medians(runs);
  return { p50, p99, msgsPerSec, gbPerSec };
}
