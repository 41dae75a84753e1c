import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Office } from '../support/acknowledging.ts';
import { laneOf } from '../support/flow.ts';
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

  test('waits for room, though its publisher would rather have lost it than wait: it was accepted', async () => {
    const seen: unknown[] = [];
    const free: (() => void)[] = [];
    b.bus.subscribe(
      't',
      ({ data, redelivered }) => {
        seen.push([(data as Uint8Array).length, redelivered]);
        if (seen.length === 1) throw new Error('not yet');
        return new Promise<void>((done) => free.push(done));
      },
      { concurrency: 10 },
    );
    await turn();
    const first = office.publish(new Uint8Array(100_000), { onFull: 'drop-newest' });
    await office.flow();
    office.publish(new Uint8Array(200_000), { onFull: 'drop-newest' });
    await office.flow();
    const third = office.publish(new Uint8Array(150_000), { onFull: 'drop-newest' });
    await office.pass(100);
    expect([first, third.error?.code]).toEqual([{}, 'BACK_PRESSURED']);
    free[0]();
    await office.flow();
    free[1]();
    await office.flow();
    expect(seen).toEqual([
      [100_000, false],
      [200_000, false],
      [100_000, true],
    ]);
    expect(first.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test('and all others are within the time that a caller waits by default', async () => {
    await office.close();
    office = await Office.open({ limits: { deadlineMs: 1000 } });
    ({ a, b } = office);
    const seen = failing(b, Number.POSITIVE_INFINITY);
    await turn();
    const state = office.publish('x', { ackTimeout: 1, maxDeliveries: 10 });
    await office.flow();
    for (let i = 0; i < 40; i++) await office.pass(1000);
    expect([seen.length, state.error?.code]).toEqual([10, 'DEAD_LETTERED']);
  });

  test('that is known here costs no credit: its sender’s window stays as wide as it was', async () => {
    const done: (() => void)[] = [];
    b.bus.subscribe('t', () => new Promise<void>((resolve) => done.push(resolve)), { concurrency: 10 });
    await turn();
    const bytes = new Uint8Array(60_000);
    const slow = office.publish(bytes, { ackTimeout: 1000 });
    await office.flow();
    for (let i = 0; i < 4; i++) await office.pass(1000);
    expect(b.bus.counters.duplicates).toBe(4);
    done[0]();
    await office.flow();
    const more = [1, 2, 3, 4].map(() => office.publish(bytes));
    await office.flow();
    expect(done).toHaveLength(5);
    for (const end of done) end();
    await office.flow();
    for (const { receipt } of [slow, ...more]) expect(receipt?.deliveries[0].outcome).toBe('processed');
  });
});

test('an attempt that arrives when its time has passed is told at once', async () => {
  const seen = failing(b, 0);
  await turn();
  const warm = office.publish(0);
  await office.flow();
  expect(warm.receipt).toBeDefined();
  const state = office.publish('x', { ttl: 50 });
  await turn();
  await office.mesh.clock.advance(60);
  await office.flow();
  expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
  expect([seen.length, b.bus.counters.expired, a.bus.counters.outcomes.expired]).toEqual([1, 1, 1]);
});

test('the last attempt of a message whose time has passed makes no dead letter of it', async () => {
  failing(b, 1);
  const slow = office.c.bus.subscribe('t', () => new Promise(() => {}));
  await turn();
  const state = office.publish('x', { ttl: 50, ackTimeout: 1000, maxDeliveries: 1 });
  await office.flow();
  await office.pass(1000);
  expect(state.error?.code).toBe('DEAD_LETTERED');
  expect(a.bus.counters.outcomes).toMatchObject({ 'dead-lettered': 1, expired: 1 });
  slow.close();
});

test('what its caller has given up before it was written is not sent any more', async () => {
  const seen = failing(b, 0);
  await turn();
  const warm = office.publish(0);
  await office.flow();
  expect(warm.receipt).toBeDefined();
  const lane = laneOf(office.fabric, 'a');
  lane.jammed = true;
  const state = office.publish('x', { deadline: 500 });
  await office.pass(500);
  expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
  lane.unjam();
  await office.flow();
  expect(seen).toHaveLength(1);
});
