import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Effort, measureTogether, type RunFigures, rowOf, startTeam } from './measure.ts';
import type { Row, RowSpec } from './row.ts';
import { interval } from './statistics.ts';

/** Pairs of runs, each in fresh processes; the interval in statistics.ts is for this many. */
const PAIRS = 20;
const EFFORT: Effort = { runs: PAIRS, slices: 3, sliceMs: 150 };

export interface Comparison {
  readonly row: Row;
  /** This tree's figure over the other's: p50 where times are measured, else messages per second. */
  readonly figure: 'p50' | 'msgsPerSec';
  readonly ratio: number;
  /** 95 % interval of the ratio. */
  readonly low: number;
  readonly high: number;
}

/** Measures a row of this tree and the same row of another one by turns. */
export async function compare(spec: RowSpec, otherWorker: string): Promise<Comparison> {
  const figure = spec.mode === 'lat' || spec.mode === 'bus' ? 'p50' : 'msgsPerSec';
  const own: RunFigures[] = [];
  const logs: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const folders = [0, 1].map(() => mkdtempSync(path.join(tmpdir(), 'bb-')));
    try {
      const [mine, other] = await measureTogether(
        [() => startTeam(spec, folders[0]), () => startTeam(spec, folders[1], otherWorker)],
        [spec.size, spec.size],
        EFFORT,
        spec.pairs,
      );
      own.push(mine);
      logs.push(Math.log(mine[figure] / other[figure]));
    } finally {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    }
  }
  const { mean, low, high } = interval(logs);
  return { row: rowOf(spec, own, []), figure, ratio: Math.exp(mean), low: Math.exp(low), high: Math.exp(high) };
}

export function comparisonLine(spec: RowSpec, { figure, ratio, low, high }: Comparison): string {
  const range = `[${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return `${spec.name.padEnd(22)} ${figure.padEnd(10)} ${ratio.toFixed(3)} x  95 % ${range}`;
}
