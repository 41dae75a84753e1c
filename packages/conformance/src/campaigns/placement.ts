import { HEADER_BYTES } from '@busbar/core/contract';
import type { FleetAgent } from '../harness/fleet.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { mixedSizes } from './sizes.ts';

const SIDE_BY_SIDE = 4;

export const placement = campaign({
  name: 'placement',
  row: 'C11',
  claim: 'it works in a worker thread, between two instances of one process, and between several side by side',
  suiteTrials: 500,
  async execute(run) {
    const { fleet } = run;
    const thread = await fleet.agent(await fleet.spawn('thread'), 'thread');
    const elsewhere = await fleet.agent(await fleet.spawn(), 'elsewhere');
    await carryBothWays(run, thread, elsewhere);

    const peer = await fleet.spawn();
    const crowd: FleetAgent[] = [];
    for (let i = 0; i < SIDE_BY_SIDE; i++) crowd.push(await fleet.agent(peer, `instance-${i}`));
    const pairs = crowd.flatMap((a, i) => crowd.slice(i + 1).map((b) => [a, b] as const));
    await Promise.all(pairs.map(([a, b]) => carryBothWays(run, a, b)));
    // One instance that closes takes none of the others with it.
    await crowd[0].call.close();
    await carry(run, crowd[1], crowd[2], 2);
  },
});

async function carryBothWays(run: CampaignRun, a: FleetAgent, b: FleetAgent): Promise<void> {
  await run.fleet.connect(a, b);
  await run.fleet.connect(b, a);
  await Promise.all([carry(run, a, b, 1), carry(run, b, a, 1)]);
}

async function carry(run: CampaignRun, from: FleetAgent, to: FleetAgent, stream: number): Promise<void> {
  const { tally, trials, seed, capabilities, patienceMs } = run;
  const plan = { stream, sizes: mixedSizes(seed, capabilities.maxFrameLength - HEADER_BYTES) };
  await to.call.expect(from.self.id, plan);
  tally.sent(await from.call.send(to.self.id, plan, trials), trials);
  const report = await to.call.received(from.self.id, stream, trials, patienceMs);
  tally.stream(report, trials, { lose: !capabilities.lossless, reorder: !capabilities.ordered });
  tally.trials += trials;
  tally.hits += report.arrived;
}
