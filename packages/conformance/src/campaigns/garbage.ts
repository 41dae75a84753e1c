import { encodeFrame, KIND } from '@busbar/core/contract';
import type { FleetAgent } from '../harness/fleet.ts';
import type { Census } from '../peer/exercises/census.ts';
import { digest } from '../peer/exercises/garbage.ts';
import { garbageCase } from '../peer/garbage-cases.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { type Expectation, recordModel, streamModel } from './stream-model.ts';

/** Cases over one connection. */
const BATCH = 50;
const SOUND_FRAMES = 100;
/** What a receiver may take beside one frame. */
const SPARE_BYTES = 33_554_432;

export const garbage = campaign({
  name: 'garbage',
  row: 'C7',
  claim: 'garbage is delivered as it is or cut, exactly as F1, F5 and F6 say; the process lives, its memory is bounded',
  suiteTrials: 50_000,
  fullTrials: 1_000_000,
  async execute(run) {
    const { fleet, tally, trials, capabilities, patienceMs } = run;
    const [a, b] = await fleet.pair();
    await b.peer.exercise.digestFrames(b.self.id);
    const model = await framing(run, a, b);
    const before = await b.peer.exercise.census();
    for (let start = 0; start < trials; start += BATCH) {
      await reconnect(run, a, b);
      await throwBatch(run, [a, b], start, Math.min(BATCH, trials - start), model);
    }
    const growth = grown(before, await b.peer.exercise.census(), b);
    tally.measure('growthBytes', growth);
    tally.count('leaked', growth > capabilities.maxFrameLength + SPARE_BYTES ? growth : 0, 'bytes of memory');
    await fleet.connect(a, b);
    await soundAgain(run, a, b, patienceMs);
  },
});

/**
 * The greater of what is live and what is resident: a buffer nobody wrote to is not resident, and what lies outside V8
 * is not live. A thread shares its resident bytes with whatever runs the suite.
 */
function grown(before: Census, after: Census, { peer }: FleetAgent): number {
  const live = after.liveBytes - before.liveBytes;
  return peer.handle.kind === 'thread' ? live : Math.max(live, after.residentBytes - before.residentBytes);
}

type Model = (commits: readonly Uint8Array[]) => Expectation;

/** Two frames committed as one tell whether the medium keeps commits apart: one frame arrives, or two. */
async function framing({ capabilities, patienceMs }: CampaignRun, a: FleetAgent, b: FleetAgent): Promise<Model> {
  const frame = encodeFrame({ kind: KIND.PING });
  await a.peer.exercise.sendBytes(a.self.id, b.self.id, Uint8Array.from([...frame, ...frame]));
  const arrived = await b.peer.exercise.digests(b.self.id, 1, patienceMs);
  return arrived[0] === digest(frame) ? (commits) => streamModel(commits, capabilities.maxFrameLength) : recordModel;
}

async function reconnect({ fleet }: CampaignRun, a: FleetAgent, b: FleetAgent): Promise<void> {
  await a.call.disconnect(b.self.id);
  // What the last connection had left is not this one's.
  await b.peer.exercise.digests(b.self.id, 0, 0);
  await fleet.connect(a, b);
}

async function throwBatch(
  { tally, seed, patienceMs }: CampaignRun,
  [a, b]: [FleetAgent, FleetAgent],
  start: number,
  count: number,
  model: Model,
): Promise<void> {
  const commits = Array.from({ length: count }, (_, i) => garbageCase(seed, start + i));
  const expected = model(commits);
  await a.peer.exercise.sendGarbage(a.self.id, b.self.id, seed, start, count);
  const arrived = await b.peer.exercise.digests(b.self.id, expected.frames.length, patienceMs);
  tally.trials += count;
  tally.hits += arrived.length;
  const wrong = expected.frames.findIndex((frame, i) => frame !== arrived[i]);
  if (wrong >= 0) {
    tally.count('corrupt', 1, `case ${start}+${wrong}: ${arrived[wrong]} arrived, not ${expected.frames[wrong]}`);
  } else if (arrived.length > expected.frames.length) {
    tally.count('corrupt', arrived.length - expected.frames.length, `frames after a cut, cases from ${start} on`);
  }
  if (!expected.cut) return;
  const closing = await a.call.closed(b.self.id, patienceMs);
  if (closing === undefined) tally.count('hung', 1, `the link was not cut (F6), cases from ${start} on`);
}

async function soundAgain({ tally }: CampaignRun, a: FleetAgent, b: FleetAgent, patienceMs: number): Promise<void> {
  const stream = { stream: 1, sizes: [100] };
  await b.call.expect(a.self.id, stream);
  await b.peer.exercise.checkFrames(b.self.id);
  tally.sent(await a.call.send(b.self.id, stream, SOUND_FRAMES), SOUND_FRAMES);
  tally.stream(await b.call.received(a.self.id, stream.stream, SOUND_FRAMES, patienceMs), SOUND_FRAMES);
}
