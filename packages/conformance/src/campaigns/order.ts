import { HEADER_BYTES } from '@busbar/core/contract';
import type { FleetAgent } from '../harness/fleet.ts';
import { campaign } from './campaign.ts';
import { mixedSizes } from './sizes.ts';

/** Senders into one receiver at the same time, each in a peer of its own. */
const SENDERS = 3;

export const order = campaign({
  name: 'order',
  row: 'C2',
  claim: 'frames of each sender arrive in order, once, none missing, from several senders and in both directions',
  suiteTrials: 30_000,
  async execute({ fleet, tally, trials, seed, patienceMs, capabilities }) {
    const receiver = await fleet.agent(await fleet.spawn(), 'receiver');
    const senders: FleetAgent[] = [];
    for (let i = 0; i < SENDERS; i++) {
      const sender = await fleet.agent(await fleet.spawn(), `sender-${i}`);
      await fleet.connect(sender, receiver);
      await fleet.connect(receiver, sender);
      senders.push(sender);
    }
    const stream = { stream: 1, sizes: mixedSizes(seed, capabilities.maxFrameLength - HEADER_BYTES) };
    const count = Math.ceil(trials / SENDERS / 2);
    const carry = async (from: FleetAgent, to: FleetAgent): Promise<void> => {
      await to.call.expect(from.self.id, stream);
      tally.sent(await from.call.send(to.self.id, stream, count), count);
      const report = await to.call.received(from.self.id, stream.stream, count, patienceMs);
      tally.stream(report, count, { lose: !capabilities.lossless, reorder: !capabilities.ordered });
      tally.trials += count;
      tally.hits += report.arrived;
    };
    await Promise.all(senders.flatMap((sender) => [carry(sender, receiver), carry(receiver, sender)]));
  },
});
