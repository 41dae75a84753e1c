import { align8, HEADER_BYTES } from '@busbar/core/contract';
import type { FleetAgent } from '../harness/fleet.ts';
import { frameLength, type Stream } from '../peer/content.ts';
import { type CampaignRun, campaign } from './campaign.ts';

const SIZES = [1_024 - HEADER_BYTES, 65_536 - HEADER_BYTES];
const REFUSALS = 100_000;
/** What an engine may take for itself meanwhile; a queue without a bound would take 100 MB. */
const GROWTH_BYTES = 16_777_216;

export const backPressure = campaign({
  name: 'back-pressure',
  row: 'C3',
  claim:
    'towards a receiver that does not read: BACK_PRESSURED within bufferBytes, memory flat, nothing lost, one onWritable',
  suiteTrials: SIZES.length,
  applies: ({ addressing }) => addressing === 'peer',
  async execute(run) {
    for (const where of run.capabilities.scope === 'thread' ? (['together', 'apart'] as const) : (['apart'] as const)) {
      for (const size of SIZES) await fill(run, await run.fleet.pair(where), { stream: 1, sizes: [size] });
    }
  },
});

async function fill(run: CampaignRun, [a, b]: [FleetAgent, FleetAgent], stream: Stream): Promise<void> {
  const { tally, capabilities, patienceMs } = run;
  const [from, to] = [a.self.id, b.self.id];
  const size = align8(frameLength(stream, 0));
  const bound = Math.max(1, Math.floor(capabilities.bufferBytes / size));
  tally.trials++;
  await b.call.expect(from, stream);
  await b.call.pause();
  const filled = await a.call.fill(to, stream, bound + 1_000);
  if (filled.result === 'BACK_PRESSURED') tally.hits++;
  else tally.find(`a receiver that does not read, ${filled.committed} frames later: ${filled.result}`);
  tally.expect(filled.committed > 0, 'the first frame was refused');
  tally.expect(
    filled.committed <= bound,
    `${filled.committed} frames of ${size} bytes were taken, bufferBytes is ${capabilities.bufferBytes}`,
  );
  const growth = await a.call.insist(to, stream, REFUSALS);
  tally.expect(growth < GROWTH_BYTES, `memory grew by ${growth} bytes while ${REFUSALS} claims were refused`);
  await a.call.armWritable(to);
  tally.expect((await a.call.writableCalls(to)) === 0, 'onWritable called while there was no room');
  await b.call.resume();
  await a.call.untilWritable(to, patienceMs);
  const drained = await b.call.received(from, stream.stream, filled.committed, patienceMs);
  tally.stream(drained, filled.committed);
  const more = 100;
  tally.sent(await a.call.send(to, stream, more), more);
  tally.stream(
    await b.call.received(from, stream.stream, filled.committed + more, patienceMs),
    filled.committed + more,
  );
  const calls = await a.call.writableCalls(to);
  tally.expect(calls === 1, `onWritable was armed once and called ${calls} times`);
}
