import type { Availability } from '@busbar/core/contract';
import type { SpawnOptions } from '../harness/peer-handle.ts';
import { type CampaignRun, campaign } from './campaign.ts';

/** Node's permission model: reading and IPC only - no writing, no child, no worker, no add-on. */
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const DENIED: SpawnOptions = { execArgv: [PERMISSION, '--allow-fs-read=*', '--no-warnings'] };
const FEW_DESCRIPTORS: SpawnOptions = { through: 'ulimit -n 64; exec "$@"' };

export const probing = campaign({
  name: 'probing',
  row: 'C5',
  claim: 'importing touches nothing; probe() answers, also where the system refuses, and never throws',
  suiteTrials: 3,
  async execute(run) {
    const { fleet, target, tally } = run;
    const quiet = await fleet.spawn('process');
    for (const changed of await quiet.exercise.importQuietly(target.plugin))
      tally.find(`importing changed: ${changed}`);
    await probeOnce(run, 'here', {}, false);
    await probeOnce(run, 'without permissions', DENIED, false);
    await probeOnce(run, 'without descriptors', FEW_DESCRIPTORS, true);
  },
});

async function probeOnce(
  { fleet, target, tally }: CampaignRun,
  where: string,
  options: SpawnOptions,
  exhausted: boolean,
): Promise<void> {
  const peer = await fleet.spawn('process', options);
  tally.trials++;
  try {
    const complaint = complain(await peer.exercise.probe(target.plugin, exhausted), Object.keys(target.capabilities));
    if (complaint === '') tally.hits++;
    else tally.find(`probe ${where}: ${complaint}`);
  } catch (error) {
    tally.find(`probe ${where} threw ${String(error)}`);
  }
  await peer.handle.kill();
}

function complain(answer: Availability, capabilities: readonly string[]): string {
  if (answer.available) {
    const missing = capabilities.filter((key) => !(key in answer.capabilities));
    return missing.length === 0 ? '' : `the capabilities lack ${missing.join(', ')}`;
  }
  if (!/^[A-Z][A-Z_]+$/.test(answer.code)) return `'${answer.code}' is not a code`;
  return answer.reason.length > 0 && answer.fix.length > 0 ? '' : 'unavailable without a reason and a fix';
}
