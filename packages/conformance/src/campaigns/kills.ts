import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { HEADER_BYTES } from '@busbar/core/contract';
import type { FleetAgent } from '../harness/fleet.ts';
import type { Stream } from '../peer/content.ts';
import { readJournal } from '../peer/journal.ts';
import { between, random } from '../random.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { leftBehind } from './leaks.ts';
import { percentiles } from './percentiles.ts';

/** Pairs at once. */
const LANES = 4;
/** The greatest pause between the first frame that arrived and the kill. */
const LATEST_KILL_MS = 20;
const GREETING: Stream = { stream: 1, sizes: [100] };
const GREETING_FRAMES = 20;
const WITHOUT_END = 1_000_000_000;

export const killSender = campaign({
  name: 'kill-sender',
  row: 'C4',
  claim: 'after kill -9 of a sender its committed frames arrive, no half-written one does, and its place can be taken',
  suiteTrials: 20,
  fullTrials: 1_000,
  async execute(run) {
    await inLanes(run, async (trials, next) => {
      const receiver = await run.fleet.agent(await run.fleet.spawn(), 'receiver');
      const leaks = await leftBehind(run, receiver.peer);
      for (let i = 0; i < trials; i++) await killOneSender(run, receiver, next);
      const last = await run.fleet.agent(await run.fleet.spawn(), 'last');
      await greet(run, last, receiver);
      await last.peer.handle.kill();
      await leaks();
    });
  },
});

export const killReceiver = campaign({
  name: 'kill-receiver',
  row: 'C4',
  claim: 'after kill -9 of a receiver its sender is told and closes, and reaches the receiver started in its place',
  suiteTrials: 20,
  fullTrials: 1_000,
  async execute(run) {
    const told: number[] = [];
    await inLanes(run, async (trials, next) => {
      const sender = await run.fleet.agent(await run.fleet.spawn(), 'sender');
      const leaks = await leftBehind(run, sender.peer);
      for (let i = 0; i < trials; i++) await killOneReceiver(run, sender, next, told);
      const last = await run.fleet.agent(await run.fleet.spawn(), 'last');
      await greet(run, sender, last);
      await last.peer.handle.kill();
      await leaks();
    });
    const { p50, p99 } = percentiles(told);
    run.tally.measure('toldP50Ms', p50);
    run.tally.measure('toldP99Ms', p99);
  },
});

/** Frames so large that their writer is mostly between claim and commit. */
function flood({ capabilities }: CampaignRun): Stream {
  return { stream: 2, sizes: [Math.min(60_000, capabilities.maxFrameLength - HEADER_BYTES)] };
}

async function inLanes(run: CampaignRun, lane: (trials: number, next: () => number) => Promise<void>): Promise<void> {
  const lanes = Math.min(LANES, run.trials);
  await Promise.all(
    Array.from({ length: lanes }, (_, i) =>
      lane(Math.ceil((run.trials - i) / lanes), random(run.seed + Math.imul(i + 1, 7_919))),
    ),
  );
}

/** A new link works, whatever the last one left behind. */
async function greet(run: CampaignRun, from: FleetAgent, to: FleetAgent): Promise<void> {
  const { tally, patienceMs } = run;
  await run.fleet.connect(from, to);
  await to.call.expect(from.self.id, GREETING);
  const sent = await from.call.send(to.self.id, GREETING, GREETING_FRAMES);
  const report = await to.call.received(from.self.id, GREETING.stream, GREETING_FRAMES, patienceMs);
  if (sent.committed < GREETING_FRAMES || report.arrived < GREETING_FRAMES) {
    tally.count('wedged', 1, `${report.arrived} of ${sent.committed} frames arrived over a new link`);
  }
}

async function killOneSender(run: CampaignRun, receiver: FleetAgent, next: () => number): Promise<void> {
  const { fleet, tally, patienceMs, capabilities } = run;
  const sender = await fleet.agent(await fleet.spawn(), 'sender');
  await greet(run, sender, receiver);
  const stream = flood(run);
  const journal = path.join(fleet.directory, `journal-${randomUUID()}`);
  await receiver.call.expect(sender.self.id, stream);
  const sending = sender.call.send(receiver.self.id, stream, WITHOUT_END, journal).catch(() => undefined);
  await receiver.call.received(sender.self.id, stream.stream, 1, patienceMs);
  await pause(between(next, 0, LATEST_KILL_MS));
  await sender.peer.handle.kill();
  await sending;

  const { committed, inWindow } = readJournal(journal);
  tally.trials++;
  if (inWindow) tally.hits++;
  // A medium that shows progress holds what was committed; elsewhere the sender may die with frames unwritten.
  const due = capabilities.confirms === 'none' ? 0 : committed;
  await receiver.call.received(sender.self.id, stream.stream, due, patienceMs);
  const report = await receiver.call.settled(sender.self.id, stream.stream);
  tally.count('lost', Math.max(0, due - report.arrived), `${committed} frames were committed`);
  tally.count('lost', report.gaps, 'frames missing below one that arrived');
  tally.count('corrupt', report.corrupt, report.notes[0]);
  tally.count('duplicated', report.duplicated);
  tally.count('reordered', report.reordered);
  tally.expect(
    report.arrived <= committed + 1,
    `${report.arrived} frames arrived of a sender that had committed ${committed}`,
  );
}

async function killOneReceiver(
  run: CampaignRun,
  sender: FleetAgent,
  next: () => number,
  told: number[],
): Promise<void> {
  const { fleet, tally, patienceMs } = run;
  const receiver = await fleet.agent(await fleet.spawn(), 'receiver');
  await greet(run, sender, receiver);
  const stream = flood(run);
  const journal = path.join(fleet.directory, `journal-${randomUUID()}`);
  await receiver.call.expect(sender.self.id, stream, journal);
  const sending = sender.call.send(receiver.self.id, stream, WITHOUT_END);
  await receiver.call.received(sender.self.id, stream.stream, 1, patienceMs);
  await pause(between(next, 0, LATEST_KILL_MS));
  const before = Number(process.hrtime.bigint()) / 1e6;
  await receiver.peer.handle.kill();

  tally.trials++;
  const closing = await sender.call.closed(receiver.self.id, patienceMs);
  if (closing === undefined) {
    tally.count('hung', 1, 'the sender was not told that its receiver is gone');
    await sender.call.stopSending(receiver.self.id);
  } else {
    told.push(closing.at - before);
    tally.expect(
      closing.code === 'PEER_GONE' || closing.code === 'TRANSPORT_FAILED',
      `the sender was told ${closing.code}`,
    );
  }
  const { committed, result } = await sending;
  tally.expect(result === 'CLOSED', `after its receiver's death the sender answered ${result}`);
  if (committed > readJournal(journal).committed) tally.hits++;
  await sender.call.disconnect(receiver.self.id);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
