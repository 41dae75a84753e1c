import { random } from '@busbar/conformance/campaigns';
import { campaign } from '../campaign.ts';
import { type Participant, withParticipants } from '../participant.ts';

const STARTERS = 4;
const NAME = 'leader';

/**
 * Four processes claim one name at the same moment, again and again; its owner dies by kill -9 in between, now and then
 * it closes. Exactly one may own it. A hit is a round in which somebody was refused.
 */
export const exclusiveNames = campaign({
  name: 'bus/exclusive-names',
  smoke: 40,
  full: 400,
  execute: (tally, trials, seed) =>
    withParticipants(async (directory, start) => {
      const next = random(seed);
      const starters = Array.from({ length: STARTERS }, () => start('name-claimant'));
      for (let round = 0; round < trials; round++) {
        const answers = await Promise.all(starters.map((starter) => starter.call('claim', directory, NAME)));
        const owners = starters.filter((_, index) => answers[index] === 'owner');
        tally.trials++;
        if (answers.includes('NAME_TAKEN')) tally.hits++;
        tally.count('lost', owners.length === 0 ? 1 : 0, `round ${round} has no owner: ${answers.join(', ')}`);
        tally.count('duplicated', Math.max(0, owners.length - 1), `round ${round}: ${answers.join(', ')}`);
        for (const code of answers) {
          tally.expect(code === 'owner' || code === 'NAME_TAKEN', `round ${round}: a claim was answered ${code}`);
        }
        for (const owner of owners) {
          if (next() < 0.2) await owner.call('release');
          else await replace(starters, owner, start('name-claimant'));
        }
      }
    }),
});

type Starter = Participant<'name-claimant'>;

async function replace(starters: Starter[], old: Starter, fresh: Starter): Promise<void> {
  await old.kill();
  starters[starters.indexOf(old)] = fresh;
}
