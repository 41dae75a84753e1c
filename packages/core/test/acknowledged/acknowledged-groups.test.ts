import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Office, worker } from '../support/acknowledging.ts';
import { type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;
let c: Participant;

beforeEach(async () => {
  office = await Office.open();
  ({ a, b, c } = office);
});
afterEach(() => office.close());

describe('an acknowledged message for a group', () => {
  test('goes to another member when one dies with it', async () => {
    const [first, second] = [worker(b, 'g'), worker(c, 'g')];
    await turn();
    const states = [office.publish(1), office.publish(2)];
    await office.flow();
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
    await office.mesh.kill(b);
    await office.flow();
    expect(second.marks()).toEqual([false, true]);
    for (const { done } of second.seen) done();
    await office.flow();
    const outcomes = states.map(({ receipt }) => receipt?.deliveries[0]);
    expect(outcomes).toMatchObject([
      { peerName: 'c', group: 'g', outcome: 'processed' },
      { peerName: 'c', group: 'g', outcome: 'processed' },
    ]);
    expect(outcomes.map((one) => one?.attempts).toSorted((x = 0, y = 0) => x - y)).toEqual([1, 2]);
  });

  test('waits for a member when the last one dies, and is a dead letter when none comes', async () => {
    worker(b, 'g');
    await turn();
    const states = [office.publish(1, { ackTimeout: 5000 }), office.publish(2, { ackTimeout: 9000 })];
    await office.flow();
    await office.mesh.kill(b);
    await office.pass(5000);
    expect(states[0].error?.message).toContain('no member of the group is left');
    const late = worker(c, 'g');
    await turn();
    await office.flow();
    expect(late.marks()).toEqual([true]);
    late.seen[0].done();
    await office.flow();
    expect(states[1].receipt?.deliveries[0]).toMatchObject({ peerName: 'c', outcome: 'processed', attempts: 2 });
    const again = a.bus.deadLetters.requeue(1);
    await office.flow();
    late.seen[1].done();
    await office.flow();
    expect((await again).deliveries[0]).toMatchObject({ group: 'g', outcome: 'processed' });
  });

  test('that waits for room at a stuck member goes to another in time, unmarked: nobody has seen it', async () => {
    const bytes = new Uint8Array(200_000);
    const stuck = worker(b, 'g');
    await turn();
    const options = { ackTimeout: 1000, maxDeliveries: 1 };
    office.publish(bytes, options);
    const state = office.publish(bytes, options);
    await office.flow();
    expect(stuck.seen).toHaveLength(1);
    const free = worker(c, 'g');
    await turn();
    await office.pass(1000);
    expect(free.marks()).toEqual([false]);
    free.seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ peerName: 'c', outcome: 'processed', attempts: 1 });
  });

  test.each([
    ['with an order key', 'k', true],
    ['without anybody else', undefined, false],
  ])('keeps its turn where it waits for room, however short its time: %s', async (_why, orderKey, isAnother) => {
    const large = (number: number) => new Uint8Array(200_000).fill(number);
    const stuck = worker(b, 'g');
    await turn();
    for (const [number, ackTimeout] of [9000, 1000, 9000].entries())
      office.publish(large(number), { ...(orderKey === undefined ? {} : { orderKey }), ackTimeout });
    await office.flow();
    const free = isAnother ? worker(c, 'g') : undefined;
    await turn();
    await office.pass(1000);
    for (let i = 0; i < 3; i++) {
      stuck.seen[i].done();
      await office.flow();
    }
    expect(stuck.seen.map(({ message: { data } }) => (data as Uint8Array)[0])).toEqual([0, 1, 2]);
    expect(stuck.marks()).toEqual([false, false, false]);
    expect(free?.seen ?? []).toEqual([]);
  });

  test('that its own bus gives back while it closes is not sent to those who are left already', async () => {
    a.bus.subscribe('t', () => new Promise(() => {}), { group: 'g', concurrency: 1 });
    await turn();
    const states = [office.publish(1), office.publish(2)];
    await office.flow();
    worker(b, 'g');
    await turn();
    await Promise.all([a.bus.close({ timeout: 1 }), office.mesh.clock.advance(10)]);
    expect(states.map(({ error }) => error?.code)).toEqual(['CLOSED', 'CLOSED']);
    expect(a.bus.deadLetters.size).toBe(0);
  });

  test('without a member when its ttl passes is expired', async () => {
    worker(b, 'g');
    await turn();
    const state = office.publish(1, { ttl: 500, ackTimeout: 1000 });
    await office.flow();
    await office.mesh.kill(b);
    await office.pass(1000);
    expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
    expect(a.bus.deadLetters.size).toBe(0);
  });

  test('that waits in a member which closes goes to another at once; what its handler has begun stays', async () => {
    const seen: number[] = [];
    let finish = () => {};
    const subscription = b.bus.subscribe(
      't',
      ({ data }) => {
        seen.push(data as number);
        return new Promise<void>((done) => {
          finish = done;
        });
      },
      { group: 'g', concurrency: 1 },
    );
    await turn();
    const states = [office.publish(1), office.publish(2)];
    await office.flow();
    const other = worker(c, 'g');
    await turn();
    subscription.close();
    await office.flow();
    expect(seen).toEqual([1]);
    expect(other.seen.map(({ message: { data, redelivered } }) => [data, redelivered])).toEqual([[2, true]]);
    finish();
    other.seen[0].done();
    await office.flow();
    expect(states.map(({ receipt }) => receipt?.deliveries[0])).toMatchObject([
      { peerName: 'b', outcome: 'processed', attempts: 1 },
      { peerName: 'c', outcome: 'processed', attempts: 2 },
    ]);
  });

  test('is taken over by another member of the same bus, as the same attempt', async () => {
    let finish = () => {};
    const work = new Promise<void>((done) => {
      finish = done;
    });
    const slow = b.bus.subscribe('t', () => work, { group: 'g', concurrency: 1 });
    await turn();
    const first = office.publish(1);
    const state = office.publish(2);
    await office.flow();
    const marks: boolean[] = [];
    b.bus.subscribe('t', ({ redelivered }) => void marks.push(redelivered), { group: 'g' });
    slow.close();
    await office.flow();
    expect(marks).toEqual([false]);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 1 });
    finish();
    await office.flow();
    expect(first.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 1 });
  });
});
