import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { campaign } from '../campaign.ts';

/** What tests/topologies writes. */
interface Report {
  readonly trials: number;
  readonly hits: number;
  readonly found: readonly {
    readonly kind: 'lost' | 'duplicated' | 'reordered' | 'corrupt' | 'hung' | 'wrong';
    readonly text: string;
  }[];
  readonly failures: readonly string[];
}

/** From tests/dist/prove/campaigns. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/**
 * Random topologies under chaos, one a seed; the model is a test of the bus's insides, so vitest runs it. A hit is one
 * in which a frame came twice, a gap was passed, or a death ended deliveries.
 */
export const topologies = campaign({
  name: 'delivery/topologies',
  smoke: 300,
  full: 20_000,
  async execute(tally, trials, seed) {
    const { hits, found, failures, ...report } = await run(`${seed}:${trials}`);
    tally.trials += report.trials;
    tally.hits += hits;
    for (const failure of failures) tally.find(failure);
    for (const { kind, text } of found) if (kind !== 'wrong') tally.count(kind, 1, text);
  },
});

/** @throws Error with what the run printed, when it left no report */
async function run(seeds: string): Promise<Report> {
  const folder = mkdtempSync(path.join(tmpdir(), 'busbar-topologies-'));
  const file = path.join(folder, 'report.json');
  const env = { ...process.env, BUSBAR_TOPOLOGIES: seeds, BUSBAR_TOPOLOGIES_REPORT: file };
  try {
    const printed = await new Promise<string>((resolve) => {
      const args = ['node_modules/vitest/vitest.mjs', 'run', 'tests/topologies'];
      // A run that found something fails; its report says what.
      execFile(process.execPath, args, { cwd: ROOT, env }, (_, stdout, stderr) => resolve(stdout + stderr));
    });
    return read(file, printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(file: string, printed: string): Report {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch (cause) {
    throw new Error(`no report: ${printed}`, { cause });
  }
}
