import { campaign } from '../campaign.ts';
import { withParticipants } from '../participant.ts';

const SLOWNESS = 100;
const PACE_MS = 1_000;
const SMOKE_SECONDS = 10;
/** Memory is compared with what it was then. */
const SETTLED_SECONDS = 5;
const MAX_GROWTH_BYTES = 32 * 1024 * 1024;
const SAMPLE_MS = 200;

/**
 * A consumer a hundred times slower than its producer; trials are seconds. The memory of both may not grow by 32 MiB
 * from second 5 on, and nothing may be lost. Hits are refusals by BACK_PRESSURED.
 */
export const slowConsumer = campaign({
  name: 'bus/slow-consumer',
  smoke: SMOKE_SECONDS,
  full: 30,
  execute: (tally, seconds) =>
    withParticipants(async (directory, start) => {
      const producer = start('slow-pair');
      const consumer = start('slow-pair');
      await consumer.call('open', directory, 'consumer');
      await producer.call('open', directory, 'producer');
      await consumer.call('consume');
      await producer.call('flood');
      await pause(PACE_MS);
      const pace = (await producer.call('sent')) / (PACE_MS / 1000);
      await consumer.call('slowTo', pace / SLOWNESS);
      tally.measure('producerPerSecond', pace);

      const ends = [producer, consumer];
      let settled: readonly number[] | undefined;
      const begin = performance.now();
      while (performance.now() - begin < seconds * 1000) {
        await pause(SAMPLE_MS);
        const rss = await Promise.all(ends.map((end) => end.call('rss')));
        if (performance.now() - begin < SETTLED_SECONDS * 1000) continue;
        settled ??= rss;
        tally.measure('producerGrowthMiB', (rss[0] - settled[0]) / 2 ** 20);
        tally.measure('consumerGrowthMiB', (rss[1] - settled[1]) / 2 ** 20);
        for (const [index, bytes] of rss.entries()) {
          const growth = bytes - settled[index];
          if (growth < MAX_GROWTH_BYTES) continue;
          tally.count('leaked', 1, `the ${index === 0 ? 'producer' : 'consumer'} grew by ${growth} bytes`);
          settled = rss;
        }
      }

      await consumer.call('slowTo', Number.POSITIVE_INFINITY);
      const { sent, refusals } = await producer.call('stop');
      tally.trials = seconds;
      tally.hits = refusals;
      for (const end = performance.now() + 10_000; performance.now() < end; await pause(SAMPLE_MS)) {
        if ((await consumer.call('report')).arrived >= sent) break;
      }
      const { arrived, missing, duplicated, reordered, corrupt } = await consumer.call('report');
      tally.count('lost', sent - (arrived - duplicated) + missing, `of ${sent} messages`);
      tally.count('duplicated', duplicated, `of ${sent} messages`);
      tally.count('reordered', reordered, `of ${sent} messages`);
      tally.count('corrupt', corrupt, `of ${sent} messages`);
      tally.count('hung', Math.abs(await producer.call('unsettled')), 'deliveries without an outcome, or with two');
    }),
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
