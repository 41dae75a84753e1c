import { readdirSync } from 'node:fs';
import { HEADER_BYTES } from '@busbar/core/contract';
import type { FleetPeer } from '../harness/fleet.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { leftBehind } from './leaks.ts';

/** Until the engine's own memory has found its size. */
const WARM_UP_CYCLES = 1_000;
const RECONNECTS = 100;
const EXIT_CODE = 7;
/** Far above the 200 ms that are promised: the machine of a test may be busy with others. */
const EXIT_WITHIN_MS = 10_000;

export const closing = campaign({
  name: 'closing',
  row: 'C6',
  claim: 'close leaves nothing behind; closing twice and use after close have typed answers',
  suiteTrials: 1_000,
  fullTrials: 10_000,
  async execute(run) {
    const { fleet, target, tally, trials } = run;
    const peer = await fleet.spawn('process');
    await peer.exercise.churn(target.plugin, fleet.directory, Math.min(WARM_UP_CYCLES, trials));
    const leaks = await leftBehind(run, peer);
    await peer.exercise.churn(target.plugin, fleet.directory, trials);
    const wrong = await peer.exercise.misuse(target.plugin, fleet.directory, trials);
    await leaks();
    tally.trials += trials;
    tally.hits += trials;
    for (const what of wrong) tally.find(what);
    const files = readdirSync(fleet.directory);
    tally.count('leaked', files.length, `files ${files.slice(0, 4).join(', ')}`);
  },
});

export const reconnecting = campaign({
  name: 'reconnecting',
  row: 'C6',
  claim: 'senders opened and closed over one link lose nothing and leave nothing behind on either side',
  suiteTrials: RECONNECTS,
  fullTrials: 2_000,
  async execute(run) {
    const { fleet, tally, trials, capabilities, patienceMs } = run;
    const [a, b] = await fleet.pair();
    const stream = { stream: 1, sizes: [Math.min(1_000, capabilities.maxFrameLength - HEADER_BYTES)] };
    await b.call.expect(a.self.id, stream);
    const cycle = async (): Promise<void> => {
      await a.call.send(b.self.id, stream, 3);
      await a.call.disconnect(b.self.id);
      await fleet.connect(a, b);
    };
    for (let i = 0; i < RECONNECTS / 5; i++) await cycle();
    const leaks = await Promise.all([leftBehind(run, a.peer), leftBehind(run, b.peer)]);
    for (let i = 0; i < trials; i++) await cycle();
    const due = (RECONNECTS / 5 + trials) * 3;
    const report = await b.call.received(a.self.id, stream.stream, due, patienceMs);
    // Frames of an old sender and of the next are not ordered with each other.
    tally.stream(report, due, { reorder: true });
    tally.trials += trials;
    if (report.arrived > 0) tally.hits += trials;
    for (const compare of leaks) await compare();
  },
});

export const exiting = campaign({
  name: 'exiting',
  row: 'C6',
  claim:
    'a process that closed ends by itself; one that exits or crashes with everything open ends at once; the exit code is kept',
  suiteTrials: 3,
  async execute(run) {
    await exit(run, String(EXIT_CODE), async (peer) => {
      for (const { call } of await pairOn(run, peer)) await call.close();
      await peer.exercise.leave(EXIT_CODE);
    });
    await exit(run, String(EXIT_CODE), async (peer) => {
      await pairOn(run, peer);
      await peer.exercise.quit(EXIT_CODE);
    });
    await exit(run, '1', async (peer) => {
      await pairOn(run, peer);
      await peer.exercise.crash();
    });
  },
});

async function pairOn({ fleet }: CampaignRun, peer: FleetPeer) {
  const [a, b] = [await fleet.agent(peer, 'a'), await fleet.agent(peer, 'b')];
  await fleet.connect(a, b);
  await fleet.connect(b, a);
  return [a, b];
}

async function exit(
  { fleet, tally }: CampaignRun,
  code: string,
  act: (peer: FleetPeer) => Promise<void>,
): Promise<void> {
  const peer = await fleet.spawn('process', { quiet: true });
  await act(peer);
  const start = performance.now();
  const timer = setTimeout(() => void peer.handle.kill(), EXIT_WITHIN_MS);
  const how = await peer.handle.exited;
  clearTimeout(timer);
  tally.trials++;
  if (how === code) tally.hits++;
  else
    tally.find(how === 'SIGKILL' ? 'the process did not end by itself' : `the process ended with ${how}, not ${code}`);
  tally.measure(`exitMs${tally.trials}`, performance.now() - start);
}
