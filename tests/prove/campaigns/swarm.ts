import { between, random } from '@busbar/conformance/campaigns';
import { campaign } from '../campaign.ts';
import { monotonicMs } from '../monotonic.ts';
import { withParticipants } from '../participant.ts';

const PROCESSES = 8;
const PER_PROCESS = 25;
const TOTAL = PROCESSES * PER_PROCESS;
const JOIN_MS = 10_000;
const TOLD_MS = 250;
/** A death not told to all by then is not told. */
const GIVE_UP_MS = 10_000;

/**
 * Two hundred participants in eight processes join, exchange subscriptions and see each other within 10 s of the word
 * to join; then one process dies, which all others know within 250 ms. A hit is a death that all were told of.
 */
export const swarm = campaign({
  name: 'bus/swarm',
  smoke: 1,
  full: 10,
  async execute(tally, trials, seed) {
    const next = random(seed);
    for (let trial = 0; trial < trials; trial++) {
      await withParticipants(async (directory, start) => {
        const processes = Array.from({ length: PROCESSES }, () => start('swarm'));
        const pids = await Promise.all(processes.map((process) => process.call('pid')));

        const begin = monotonicMs();
        const joined = await Promise.all(
          processes.map((process, index) =>
            process.call('join', directory, `p${index}`, PER_PROCESS, TOTAL, 2 * JOIN_MS),
          ),
        );
        const joinMs = monotonicMs() - begin;
        tally.measure('joinMaxMs', joinMs);
        if (joined.includes(false)) tally.count('wedged', 1, 'not all participants saw all others');
        else if (joinMs > JOIN_MS) tally.find(`the ${TOTAL} participants took ${joinMs.toFixed(0)} ms to join`);

        const victim = between(next, 0, PROCESSES - 1);
        const killedAt = monotonicMs();
        await processes[victim].kill();
        const survivors = processes.filter((_, index) => index !== victim);
        const told = await Promise.all(
          survivors.map(async (process) => {
            for (;;) {
              const { count, lastAt } = await process.call('losses', pids[victim]);
              if (count >= PER_PROCESS * PER_PROCESS) return lastAt - killedAt;
              if (monotonicMs() - killedAt > GIVE_UP_MS) return Number.POSITIVE_INFINITY;
              await new Promise((resolve) => setTimeout(resolve, 10));
            }
          }),
        );
        tally.trials++;
        const slowest = Math.max(...told);
        if (slowest === Number.POSITIVE_INFINITY) tally.count('hung', 1, 'a death was not told to all');
        else {
          tally.hits++;
          tally.measure('toldMaxMs', slowest);
          tally.expect(slowest <= TOLD_MS, `a death was known to all after ${slowest.toFixed(0)} ms only`);
        }
      });
    }
  },
});
