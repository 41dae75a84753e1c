import { between, random, type Tally } from '@busbar/conformance/campaigns';
import { campaign } from '../campaign.ts';
import { planFaults } from '../migration/faults.ts';
import { Migration } from '../migration/migration.ts';
import { withParticipants } from '../participant.ts';

const TRANSPORTS = ['shm', 'uds'];
/** Faults after which everything must come to rest. */
const FAULTS_PER_ROUND = 10;
/** Of the faults, at least so many must have found messages under way. */
const LEAST_HITS = 0.5;

/**
 * Eight flows of reliable messages, 10,000 for each fault, over two transports, while the one that carries them is
 * closed, filled, degraded, or dies at the peer's end, and is put back. Trials are faults; a hit is one that found
 * messages written and not confirmed.
 */
export const migration = campaign({
  name: 'migration',
  smoke: 12,
  full: 100,
  execute: (tally, trials, seed) =>
    withParticipants(async (directory, start) => {
      const next = random(seed);
      const run = new Migration(tally, next, start('migration-sender'), start('migration-receiver'));
      await run.open(directory);
      const plan = planFaults(next, trials, TRANSPORTS);
      try {
        for (let at = 0; at < trials; at += FAULTS_PER_ROUND) {
          await run.begin(between(next, 0, 0x7fff_ffff));
          for (const fault of plan.slice(at, at + FAULTS_PER_ROUND)) if (!(await run.fault(fault))) break;
          // What is wrong now would be found again and again.
          if (!(await run.rest())) break;
        }
      } finally {
        await run.account();
      }
      missed(tally);
    }),
});

function missed(tally: Tally): void {
  const { hits, trials } = tally;
  const least = Math.ceil(trials * LEAST_HITS);
  tally.expect(hits >= least, `${hits} of ${trials} faults found messages under way, not ${least}`);
}
