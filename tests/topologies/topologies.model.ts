import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Finding } from './ledger.ts';
import { type Trial, tryOut } from './trial.ts';

/**
 * Random topologies over random media with random traffic, while connections break, frames get lost, subscriptions
 * close, buses join, close and die. At rest each delivery has one outcome, no promise hangs, all credit is back, and
 * what each reliability promises has been kept. `BUSBAR_TOPOLOGIES=seed` runs one seed again, `seed:count` so many from
 * there on; `npm run prove -- delivery/topologies` runs thousands.
 */
const [FIRST, SEEDS] = (process.env.BUSBAR_TOPOLOGIES ?? '1:150').split(':').map(Number);
const COUNT = SEEDS ?? 1;
/** Far more than a trial takes, with the plan of one made smaller. */
const TRIAL_MS = 500;
/** A campaign that failed so often has shown enough. */
const MOST_FAILURES = 5;

function told(seed: number, { findings, plan }: Trial): string {
  const steps = plan?.steps.map((step) => JSON.stringify(step)).join('\n');
  return [
    `seed ${seed}, again with BUSBAR_TOPOLOGIES=${seed} npx vitest run tests/topologies`,
    ...findings.map(({ kind, text }) => `${kind}: ${text}`),
    `${JSON.stringify({ ...plan, steps: undefined })}\n${steps}`,
  ].join('\n');
}

test(
  'whatever the topology, promises are kept through chaos',
  async () => {
    const failures: string[] = [];
    const found: Finding[] = [];
    let [trials, hits] = [0, 0];
    for (; trials < COUNT && failures.length < MOST_FAILURES; trials++) {
      const trial = await tryOut(FIRST + trials);
      if (trial.isDisturbed) hits++;
      if (trial.plan === undefined) continue;
      failures.push(told(FIRST + trials, trial));
      found.push(...trial.findings);
    }
    const report = process.env.BUSBAR_TOPOLOGIES_REPORT;
    if (report !== undefined) writeFileSync(report, JSON.stringify({ trials, hits, found, failures }));
    expect(failures.join('\n\n')).toBe('');
  },
  60_000 + COUNT * TRIAL_MS,
);
