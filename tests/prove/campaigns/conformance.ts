import { CAMPAIGNS, type Row, resolveTarget } from '@busbar/conformance/campaigns';
import type { ProveCampaign } from '../campaign.ts';

const ROWS: readonly Row[] = ['C4', 'C6', 'C7', 'C9'];

const TRANSPORTS = [
  { plugin: '@busbar/transport-memory', export: 'memory' },
  { plugin: '@busbar/transport-shm', export: 'shm' },
  { plugin: '@busbar/transport-uds', export: 'uds' },
];

/** The suite's campaigns of kills, open and close, garbage and stops, for every transport. */
export async function conformanceCampaigns(): Promise<ProveCampaign[]> {
  const campaigns: ProveCampaign[] = [];
  for (const transport of TRANSPORTS) {
    const target = await resolveTarget({ ...transport, from: import.meta.url });
    for (const campaign of CAMPAIGNS) {
      if (!ROWS.includes(campaign.row) || !campaign.applies(target.capabilities)) continue;
      campaigns.push({
        name: `${target.name}/${campaign.name}`,
        smoke: campaign.suiteTrials,
        full: campaign.fullTrials,
        run: (trials, seed) => campaign.run(target, { seed, trials }),
      });
    }
  }
  return campaigns;
}
