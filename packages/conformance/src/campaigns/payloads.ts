import { HEADER_BYTES } from '@busbar/core/contract';
import type { FleetAgent } from '../harness/fleet.ts';
import type { Stream } from '../peer/content.ts';
import { type CampaignRun, campaign } from './campaign.ts';

/** Payload sizes around the places where code changes its mind: the header's end, the 8-byte grid, the word copy. */
const BOUNDARY: Stream = { stream: 1, sizes: Array.from({ length: 137 }, (_, size) => size) };
const BOUNDARY_FRAMES = 100_000;
const LARGE_FRAMES = 1_000;
const LARGEST_FRAMES = 20;

export const payloads = campaign({
  name: 'payloads',
  row: 'C1',
  claim: 'payloads of every size arrive byte-identical; a frame over maxFrameLength is refused as TOO_LARGE',
  suiteTrials: BOUNDARY_FRAMES,
  async execute(run) {
    for (const where of run.capabilities.scope === 'thread' ? (['together', 'apart'] as const) : (['apart'] as const)) {
      const pair = await run.fleet.pair(where);
      await carry(run, pair, BOUNDARY, run.trials);
      await carry(run, pair, large(run, 2, 65_536), Math.ceil((LARGE_FRAMES * run.trials) / BOUNDARY_FRAMES));
      await carry(run, pair, large(run, 3, Number.POSITIVE_INFINITY), LARGEST_FRAMES);
      await refuse(run, pair);
    }
  },
});

/** Payloads of `bytes`, or as many as a frame holds. */
function large({ capabilities }: CampaignRun, stream: number, bytes: number): Stream {
  return { stream, sizes: [Math.min(bytes, capabilities.maxFrameLength - HEADER_BYTES)] };
}

async function carry(run: CampaignRun, [a, b]: [FleetAgent, FleetAgent], stream: Stream, count: number): Promise<void> {
  const { tally, patienceMs } = run;
  await b.call.expect(a.self.id, stream);
  tally.sent(await a.call.send(b.self.id, stream, count), count);
  const report = await b.call.received(a.self.id, stream.stream, count, patienceMs);
  // Whether all arrived, in order, is C2's question; here each size must have arrived, and nothing but what was sent.
  tally.count('corrupt', report.corrupt, report.notes[0]);
  const due = Math.min(count, stream.sizes.length);
  tally.expect(report.sizes === due, `only ${report.sizes} of ${due} sizes arrived`);
  tally.trials += count;
  tally.hits += report.arrived;
}

async function refuse({ capabilities, tally }: CampaignRun, [a, b]: [FleetAgent, FleetAgent]): Promise<void> {
  const result = await a.call.tryClaim(b.self.id, capabilities.maxFrameLength + 1);
  tally.expect(result === 'TOO_LARGE', `a claim of maxFrameLength + 1 bytes was answered ${result}`);
}
