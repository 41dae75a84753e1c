import { campaign } from '../campaign.ts';
import { withParticipants } from '../participant.ts';

/** Memory is looked at so often; from the share on that is settled by then, it may not grow. */
const LOOKS = 20;
const SETTLED_LOOKS = 5;
const MAX_GROWTH_BYTES = 32 * 1024 * 1024;
/** Chunks in one window of 256 KiB are fewer than this. */
const MAX_AHEAD = 2_000;

/**
 * One stream of a generator that could give its chunks at once, to a reader that waits; trials are chunks. The producer
 * may not run ahead by more than a window, the memory of both may not grow by 32 MiB once a quarter is read, and every
 * chunk must come once, in order. Hits are the looks at which the producer was ahead of its reader.
 */
export const slowStream = campaign({
  name: 'bus/slow-stream',
  smoke: 100_000,
  full: 1_000_000,
  execute: (tally, chunks) =>
    withParticipants(async (directory, start) => {
      const producer = start('stream-pair');
      const reader = start('stream-pair');
      await producer.call('open', directory, 'producer');
      await producer.call('serve');
      await reader.call('open', directory, 'reader');
      await reader.call('begin', chunks);
      const ends = [producer, reader];
      let settled: readonly number[] | undefined;
      let taken = 0;
      for (let look = 1; look <= LOOKS; look++) {
        const upTo = Math.floor((chunks * look) / LOOKS);
        await reader.call('read', upTo - taken);
        taken = upTo;
        const ahead = (await producer.call('made')) - taken;
        if (ahead > 0) tally.hits++;
        if (ahead > MAX_AHEAD) tally.count('leaked', 1, `the producer is ${ahead} chunks ahead`);
        if (look < SETTLED_LOOKS) continue;
        const rss = await Promise.all(ends.map((end) => end.call('rss')));
        settled ??= rss;
        tally.measure('producerGrowthMiB', (rss[0] - settled[0]) / 2 ** 20);
        tally.measure('readerGrowthMiB', (rss[1] - settled[1]) / 2 ** 20);
        for (const [index, bytes] of rss.entries()) {
          const growth = bytes - settled[index];
          if (growth >= MAX_GROWTH_BYTES)
            tally.count('leaked', 1, `the ${index === 0 ? 'producer' : 'reader'} grew by ${growth} bytes`);
        }
      }
      tally.trials = chunks;
      const result = await reader.call('result');
      if (result !== chunks) tally.count('lost', 1, `the result is ${result}, not ${chunks}`);
      const { arrived, missing, duplicated, reordered, corrupt } = await reader.call('report');
      tally.count('lost', chunks - (arrived - duplicated) + missing, `of ${chunks} chunks`);
      tally.count('duplicated', duplicated, `of ${chunks} chunks`);
      tally.count('reordered', reordered, `of ${chunks} chunks`);
      tally.count('corrupt', corrupt, `of ${chunks} chunks`);
      if ((await producer.call('returned')) !== 1) tally.count('hung', 1, 'the generator has not ended');
      for (const end of ends)
        tally.count('hung', Math.abs(await end.call('unsettled')), 'deliveries without an outcome, or with two');
    }),
});
