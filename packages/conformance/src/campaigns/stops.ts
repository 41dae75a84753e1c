import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { HEADER_BYTES } from '@busbar/core/contract';
import type { Stream } from '../peer/content.ts';
import { readJournal } from '../peer/journal.ts';
import { between, random } from '../random.ts';
import { type CampaignRun, campaign } from './campaign.ts';

/** Pairs at once. */
const LANES = 5;
const SHORTEST_STOP_MS = 100;
const LONGEST_STOP_MS = 3_000;
const WITHOUT_END = 1_000_000_000;

export const stops = campaign({
  name: 'stops',
  row: 'C9',
  claim: 'a side stopped for 0.1 to 3 s and continued is not given up: nothing lost, corrupt or out of order',
  suiteTrials: 5,
  fullTrials: 200,
  applies: ({ scope }) => scope !== 'thread',
  async execute(run) {
    for (let done = 0; done < run.trials; done += LANES) {
      const lanes = Math.min(LANES, run.trials - done);
      await Promise.all(Array.from({ length: lanes }, (_, i) => stopOnce(run, done + i)));
    }
  },
});

async function stopOnce(run: CampaignRun, trial: number): Promise<void> {
  const { fleet, tally, patienceMs, capabilities, seed } = run;
  const next = random(seed + Math.imul(trial + 1, 104_729));
  const stream: Stream = { stream: 1, sizes: [Math.min(20_000, capabilities.maxFrameLength - HEADER_BYTES)] };
  const [sender, receiver] = await fleet.pair();
  const [sent, arrived] = ['sent', 'arrived'].map((name) => path.join(fleet.directory, `${name}-${randomUUID()}`));
  await receiver.call.expect(sender.self.id, stream, arrived);
  const sending = sender.call.send(receiver.self.id, stream, WITHOUT_END, sent);
  await receiver.call.received(sender.self.id, stream.stream, 10, patienceMs);

  const victim = trial % 2 === 0 ? sender : receiver;
  victim.peer.handle.signal('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, between(next, SHORTEST_STOP_MS, LONGEST_STOP_MS)));
  const state = readJournal(sent);
  // Caught at work: a sender in the middle of a frame, a receiver with frames before it.
  const caught = victim === sender ? state.inWindow : state.committed > readJournal(arrived).committed;
  victim.peer.handle.signal('SIGCONT');
  tally.trials++;
  if (caught) tally.hits++;

  const before = readJournal(arrived).committed;
  await receiver.call.received(sender.self.id, stream.stream, before + 10, patienceMs);
  await sender.call.stopSending(receiver.self.id);
  const { committed, result } = await sending;
  tally.expect(result === 'OK' || result === 'BACK_PRESSURED', `after the stop the sender answered ${result}`);
  const report = await receiver.call.received(sender.self.id, stream.stream, committed, patienceMs);
  tally.stream(report, committed);
  if (report.arrived <= before) tally.count('wedged', 1, 'nothing moved after SIGCONT');
  await Promise.all([sender.peer.handle.kill(), receiver.peer.handle.kill()]);
}
