import { between, random } from '@busbar/conformance/campaigns';
import { type Colleague, expectAll, rest } from '../agreement.ts';
import { campaign } from '../campaign.ts';
import { withParticipants } from '../participant.ts';

const TRANSPORTS = ['uds', 'uds2'];
const CUTS_PER_ROUND = 20;
const LONGEST_PAUSE_MS = 40;

/**
 * Two participants with two transports send to each other while the sockets that carry the messages, or the answers to
 * them, are destroyed at random moments, by either side. A hit is a socket that closed with deliveries unconfirmed.
 */
export const failover = campaign({
  name: 'bus/failover',
  smoke: 60,
  full: 1_000,
  execute: (tally, trials, seed) =>
    withParticipants(async (directory, start) => {
      const next = random(seed);
      const pair: Colleague[] = [];
      for (const name of ['left', 'right']) {
        const process = start('colleague');
        pair.push({ process, name, id: await process.call('open', directory, name, TRANSPORTS) });
      }
      for (let round = 0; tally.trials < trials; round++) {
        for (const { process } of pair) await process.call('begin', round);
        for (const { process } of pair) await process.call('work', round, between(next, 0, 0x7fff_ffff));
        for (let cut = 0; cut < CUTS_PER_ROUND && tally.trials < trials; cut++) {
          await new Promise((resolve) => setTimeout(resolve, between(next, 0, LONGEST_PAUSE_MS)));
          const { process } = pair[between(next, 0, 1)];
          const side = next() < 0.5 ? 'dialled' : 'accepted';
          if (await process.call('cut', await process.call('lastVia'), side)) tally.trials++;
        }
        const reports = await rest(tally, pair);
        await expectAll(tally, round, pair[0], reports[0].sent, pair[1]);
        await expectAll(tally, round, pair[1], reports[1].sent, pair[0]);
      }
      for (const { process } of pair) tally.hits += await process.call('hits');
    }),
});
