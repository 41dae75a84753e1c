import type { Tally } from '@busbar/conformance/campaigns';
import type { Participant } from './participant.ts';
import type { StreamReport } from './stream-check.ts';
import type { TrafficReport } from './traffic.ts';

/** A participant of a working round. */
export interface Colleague {
  readonly process: Participant<'colleague'>;
  readonly id: string;
  readonly name: string;
}

/** How long what a sender knows as delivered may take to reach the handlers. */
const ARRIVAL_MS = 10_000;
const LOOK_MS = 10;

/**
 * Ends a round: no promise may hang, every delivery has exactly one outcome, no call fails that has to succeed. Answers
 * what each has sent, in the order given.
 */
export async function rest(tally: Tally, colleagues: readonly Colleague[]): Promise<TrafficReport[]> {
  const reports = await Promise.all(colleagues.map(({ process }) => process.call('rest')));
  for (const [index, { name, process }] of colleagues.entries()) {
    const { hung, failed } = reports[index];
    tally.count('hung', hung, `promises of ${name} did not settle`);
    tally.expect(failed === 0, `${failed} deliveries of ${name} ended neither delivered nor peer-gone`);
    // Answers to the others' last requests may still wait for their confirmation.
    const left = await process.call('unsettled', ARRIVAL_MS);
    tally.count(
      'hung',
      Math.abs(left),
      `deliveries of ${name} ${left > 0 ? 'without an outcome' : 'with two outcomes'}`,
    );
    for (const error of (await process.call('account')).errors) tally.find(`${name}: ${error}`);
  }
  return reports;
}

/** Everything that `sender` sent in `round` arrived at `receiver`, once and in order. */
export async function expectAll(
  tally: Tally,
  round: number,
  sender: Colleague,
  sent: TrafficReport['sent'],
  receiver: Colleague,
): Promise<void> {
  const expected = Object.values(sent).reduce((sum, count) => sum + count, 0);
  let reports: Record<string, StreamReport> = {};
  for (const end = performance.now() + ARRIVAL_MS; performance.now() < end; ) {
    reports = await receiver.process.call('received', round, sender.id);
    if (Object.values(reports).reduce((sum, { arrived }) => sum + arrived, 0) >= expected) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const where = `from ${sender.name} to ${receiver.name} in round ${round}`;
  for (const [topic, count] of Object.entries(sent)) {
    const report = reports[topic] as (typeof reports)[string] | undefined;
    const { arrived, duplicated } = report ?? { arrived: 0, duplicated: 0 };
    tally.count('lost', Math.max(0, count - (arrived - duplicated)), `of ${count} messages ${topic} ${where}`);
  }
  expectOrder(tally, reports, where);
}

/** What arrived of a sender that died is a beginning of what it sent, once and in order. */
export async function expectBeginning(
  tally: Tally,
  round: number,
  sender: Colleague,
  receiver: Colleague,
): Promise<void> {
  const reports = await receiver.process.call('received', round, sender.id);
  const where = `from the dead ${sender.name} to ${receiver.name} in round ${round}`;
  for (const { missing } of Object.values(reports)) tally.count('lost', missing, `below one that arrived, ${where}`);
  expectOrder(tally, reports, where);
}

function expectOrder(tally: Tally, reports: Record<string, StreamReport>, where: string): void {
  for (const [topic, { duplicated, reordered, corrupt }] of Object.entries(reports)) {
    tally.count('duplicated', duplicated, `${topic} ${where}`);
    tally.count('reordered', reordered, `${topic} ${where}`);
    tally.count('corrupt', corrupt, `${topic} ${where}`);
  }
}
