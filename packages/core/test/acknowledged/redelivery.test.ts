import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Office } from '../support/acknowledging.ts';
import { type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;

beforeEach(async () => {
  office = await Office.open();
  ({ a, b } = office);
});
afterEach(() => office.close());

/** What subscriptions of `who` saw; their first `failures` messages fail. */
function failing({ bus }: Participant, failures: number) {
  const seen: { data: unknown; redelivered: boolean }[] = [];
  bus.subscribe('t', ({ data, redelivered }) => {
    seen.push({ data, redelivered });
    if (seen.length <= failures) throw new Error('not yet');
  });
  return seen;
}

describe('a second attempt', () => {
  test('is marked, however large the message is', async () => {
    const seen = failing(b, 1);
    await turn();
    const state = office.publish(new Uint8Array(50_000));
    await office.flow();
    await office.pass(100);
    expect(seen.map(({ redelivered }) => redelivered)).toEqual([false, true]);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test('to the own bus is made as well', async () => {
    const seen = failing(a, 1);
    const state = office.publish('x');
    await office.flow();
    await office.pass(100);
    expect(seen.map(({ redelivered }) => redelivered)).toEqual([false, true]);
    expect(state.receipt?.deliveries[0]).toMatchObject({ via: 'local', outcome: 'processed', attempts: 2 });
  });

  test('brings what was published, whatever its publisher has sent since', async () => {
    const seen = failing(b, 1);
    await turn();
    const publisher = a.bus.publisher('t', { reliability: 'acknowledged' });
    for (let n = 1; n <= 3; n++) publisher.send({ n });
    await office.flow();
    await office.pass(100);
    expect(seen.map(({ data }) => (data as { n: number }).n)).toEqual([1, 2, 3, 1]);
    expect(await publisher.flush()).toEqual({ delivered: 3, failed: [] });
  });
});
