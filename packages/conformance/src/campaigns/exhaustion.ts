import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { type CampaignRun, campaign } from './campaign.ts';

/** Room for what Node itself and the suite's channel hold, and for the transport to fail in. */
const LIMIT: string = 'ulimit -n 96; exec "$@"';
const MOST_FREE = 40;
/** Opening must succeed this often in a row before no more failures are looked for. */
const SUCCESSES = 2;

export const exhaustion = campaign({
  name: 'exhaustion',
  row: 'C10',
  claim:
    'with 0, 1, 2, … descriptors left, or a folder that refuses, opening succeeds or fails typed and leaves nothing',
  suiteTrials: MOST_FREE,
  async execute(run) {
    await descriptorsRunOut(run);
    await folderRefuses(run);
  },
});

async function descriptorsRunOut({ fleet, target, tally, trials }: CampaignRun): Promise<void> {
  const peer = await fleet.spawn('process', { through: LIMIT });
  // Loads what is loaded on first use.
  await peer.exercise.churn(target.plugin, fleet.directory, 2);
  for (let free = 0, successes = 0; free < trials && successes < SUCCESSES; free++) {
    const { error, leaked } = await peer.exercise.exhaust(target.plugin, fleet.directory, free);
    tally.trials++;
    tally.hits++;
    successes = error === undefined ? successes + 1 : 0;
    tally.expect(
      error === undefined || error.name === 'BusError',
      `with ${free} descriptors left: ${error?.name} ${error?.message}`,
    );
    tally.count('leaked', leaked.length, `with ${free} descriptors left: ${leaked.slice(0, 3).join(', ')}`);
    if (successes === SUCCESSES) tally.measure('descriptorsNeeded', free - 1);
  }
  await peer.exercise.churn(target.plugin, fleet.directory, 2);
  await peer.handle.kill();
}

async function folderRefuses({ fleet, target, tally }: CampaignRun): Promise<void> {
  const sealed = path.join(fleet.directory, 'sealed');
  mkdirSync(sealed, { mode: 0o500 });
  const peer = await fleet.spawn('process');
  await peer.exercise.churn(target.plugin, fleet.directory, 1);
  // To root no folder refuses.
  await peer.exercise.dropPrivileges();
  const { error, leaked } = await peer.exercise.exhaust(target.plugin, sealed, MOST_FREE);
  tally.trials++;
  tally.expect(
    error === undefined || error.name === 'BusError',
    `in a sealed folder: ${error?.name} ${error?.message}`,
  );
  tally.count('leaked', leaked.length, `in a sealed folder: ${leaked.slice(0, 3).join(', ')}`);
  chmodSync(sealed, 0o700);
}
