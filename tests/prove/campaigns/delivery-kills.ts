import { random, type Tally } from '@busbar/conformance/campaigns';
import { campaign } from '../campaign.ts';
import { type AuditReport, audit } from '../delivery/audit.ts';
import { Crew } from '../delivery/crew.ts';
import { monotonicMs } from '../monotonic.ts';
import { withParticipants } from '../participant.ts';

const KILLS_PER_ROUND = 25;
/** An attempt may take two minutes: what only a timeout would settle is not settled by then. */
const SETTLE_MS = 20_000;
const EXAMPLES = 3;

/**
 * Five processes issue tasks to a group of five, all of whom note what they do; one after the other, of either kind, dies
 * by kill -9 in the middle of it, and another takes its place. What its producer is told as processed must have been done;
 * every task must be settled once all producers rest; done again is only what came with the mark. Trials are kills, hits
 * those that cut off a handler, a worker's word, or a producer's tasks.
 */
export const deliveryKills = campaign({
  name: 'delivery/kills',
  smoke: 25,
  full: 1_000,
  execute: (tally, trials, seed) =>
    withParticipants(async (directory, start) => {
      const crew = new Crew(directory, start, random(seed));
      const totals: Record<string, number> = {};
      try {
        await crew.assemble();
        while (tally.trials < trials) {
          const kills = Math.min(KILLS_PER_ROUND, trials - tally.trials);
          await crew.work(kills);
          tally.trials += kills;
          const waiting = await rest(tally, crew);
          const { workers, producers } = crew.witnesses();
          judge(tally, audit(workers, producers), totals);
          for (const one of waiting) tally.find(one);
          // What is open now is nothing that a next round could go on with.
          if (waiting.length > 0) break;
        }
      } finally {
        for (const [what, count] of Object.entries(totals)) tally.measure(what, count);
      }
    }),
});

/** Everybody comes to rest. Answers what the producers still wait for, in words. */
async function rest(tally: Tally, crew: Crew): Promise<string[]> {
  const beganAt = monotonicMs();
  const waiting: string[] = [];
  const producers = crew.producers.filter(({ isDead }) => !isDead);
  const accounts = await Promise.all(producers.map(({ process }) => process.call('rest', SETTLE_MS)));
  tally.measure('settledMaxMs', monotonicMs() - beganAt);
  tally.measure('settledAfterKillMaxMs', monotonicMs() - crew.lastDeath);
  for (const [index, { open, processed, heard, letters, left, errors }] of accounts.entries()) {
    const { name, process } = producers[index];
    if (left.length > 0) {
      const where = await process.call('underWay');
      waiting.push(`${name} waits for ${left.slice(0, EXAMPLES).join(', ')}; of ${left.length}. ${where}`);
    }
    for (const error of errors.slice(0, EXAMPLES)) tally.find(`${name}: ${error}`);
    tally.expect(open === 0, `${name} has ${open} deliveries more than outcomes`);
    tally.expect(processed === heard, `${name} counted ${processed} as processed and heard of ${heard}`);
    tally.count('lost', letters, `dead letters in the box of ${name}`);
  }
  const workers = crew.workers.filter(({ isDead }) => !isDead);
  const rests = await Promise.all(workers.map(({ process }) => process.call('rest', SETTLE_MS)));
  for (const [index, { open, atWork }] of rests.entries()) {
    tally.count('hung', atWork, `handlers of ${workers[index].name}`);
    tally.count('hung', Math.abs(open), `receipts of ${workers[index].name} without an outcome, or with two`);
  }
  return waiting;
}

function judge(tally: Tally, report: AuditReport, totals: Record<string, number>): void {
  const { cutOff, tasks, redeliveries, duplicatesMarked, deadLetters } = report;
  const { processes, ...kinds } = cutOff;
  tally.hits += processes;
  for (const [what, count] of Object.entries({ tasks, redeliveries, duplicatesMarked, deadLetters, ...kinds }))
    totals[what] = (totals[what] ?? 0) + count;
  count(tally, 'lost', report.lost);
  count(tally, 'hung', report.unsettled);
  count(tally, 'duplicated', report.duplicatesUnmarked);
  count(tally, 'reordered', report.reordered);
  count(tally, 'corrupt', report.corrupt);
}

function count(tally: Tally, what: Parameters<Tally['count']>[0], cases: readonly string[]): void {
  tally.count(what, cases.length, `\n  ${cases.slice(0, EXAMPLES).join('\n  ')}`);
}
