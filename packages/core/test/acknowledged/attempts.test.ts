import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Office, worker } from '../support/acknowledging.ts';
import { laneOf } from '../support/flow.ts';
import { type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;
let c: Participant;

beforeEach(async () => {
  office = await Office.open({ limits: { maxQueuedBytes: 300_000 } });
  ({ a, b, c } = office);
});
afterEach(() => office.close());

/** What a sends to b goes no further. */
function jamTo(peer: Participant) {
  const lane = [...office.fabric.lanes].find(
    (one) => one.owner === a.engine.self.id && one.inboxOwner === peer.engine.self.id,
  );
  if (lane === undefined) throw new Error(`a has no connection to ${peer.engine.self.name}`);
  lane.jammed = true;
  return lane;
}

/** A connection from a to `peer`. */
async function connect(peer: Participant): Promise<void> {
  const hello = peer.bus.subscribe('hello', () => {});
  await turn();
  const published = a.bus.publish('hello', 1);
  await office.flow();
  await published;
  hello.close();
  await turn();
}

describe('an attempt', () => {
  test('that is over is not refused once more: the word is about the one before', async () => {
    const slow = worker(b, 'g');
    await turn();
    const state = office.publish('x', { ackTimeout: 1000, maxDeliveries: 2 });
    await office.flow();
    const other = worker(c, 'g');
    await turn();
    await office.pass(1000);
    expect(other.marks()).toEqual([true]);
    slow.seen[0].fail(new Error('too late'));
    await office.flow();
    other.seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ peerName: 'c', outcome: 'processed', attempts: 2 });
  });

  test('that is over is good enough when it succeeds, and whose it was is told', async () => {
    const slow = worker(b, 'g');
    await turn();
    const state = office.publish('x', { ackTimeout: 1000 });
    await office.flow();
    const other = worker(c, 'g');
    await turn();
    await office.pass(1000);
    expect(other.seen).toHaveLength(1);
    slow.seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ peerName: 'b', outcome: 'processed', attempts: 2 });
    other.seen[0].done();
  });

  test('that waits to be written is not ended by a word about the one before', async () => {
    const slow = worker(b);
    await turn();
    const state = office.publish('x', { ackTimeout: 1000, maxDeliveries: 2 });
    await office.flow();
    const lane = jamTo(b);
    await office.pass(1000);
    slow.seen[0].fail(new Error('too late'));
    await office.flow();
    expect(state).toEqual({});
    lane.unjam();
    await office.flow();
    expect(slow.marks()).toEqual([false, true]);
    slow.seen[1].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2, via: 'red' });
  });

  test('whose message is written stays with its receiver until that is gone: it will see it', async () => {
    const slow = worker(b, 'g');
    await turn();
    await connect(b);
    const state = office.publish('x', { ackTimeout: 1000 });
    await turn();
    const free = worker(c, 'g');
    await turn();
    await office.mesh.clock.advance(5000);
    await office.flow();
    expect([slow.marks(), free.marks()]).toEqual([[false], []]);
    slow.seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ peerName: 'b', attempts: 1 });
  });

  test('is none when nobody has seen it: the group’s last member is gone before it was written', async () => {
    const only = worker(b, 'g');
    await turn();
    await connect(b);
    jamTo(b);
    const state = office.publish('x', { maxDeliveries: 1 });
    await office.flow();
    only.subscription.close();
    await turn();
    expect(state).toEqual({});
    const late = worker(c, 'g');
    await turn();
    await office.flow();
    expect(late.marks()).toEqual([false]);
    late.seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ peerName: 'c', outcome: 'processed', attempts: 1 });
    expect(only.seen).toEqual([]);
  });

  test('after the first that a limit refuses is one that failed; the next may have better luck', async () => {
    b.bus.subscribe('t', ({ redelivered }) => {
      if (!redelivered) throw new Error('once');
    });
    await turn();
    const state = office.publish('x');
    await office.flow();
    const lane = jamTo(b);
    b.bus.subscribe('bulk', () => {});
    await turn();
    const bulk = a.bus.publish('bulk', new Uint8Array(300_000));
    await office.pass(100);
    expect(state).toEqual({});
    lane.unjam();
    await office.flow();
    await bulk;
    await office.pass(200);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 3 });
  });

  test('at a peer whose window is full of what it never ends is over in time, too', async () => {
    worker(b);
    await turn();
    const publisher = a.bus.publisher('t', { reliability: 'acknowledged', ackTimeout: 1000, maxDeliveries: 3 });
    expect(publisher.send(new Uint8Array(150_000))).toBe(0);
    await office.flow();
    for (let i = 0; i < 3; i++) await office.pass(1000);
    expect(await publisher.flush()).toEqual({
      delivered: 0,
      failed: [{ outcome: 'dead-lettered', count: 1, reason: 'it was not acknowledged in time' }],
    });
  });

  test('goes on over another connection when one breaks, and is the same attempt', async () => {
    const { seen } = worker(b);
    await turn();
    const states = [office.publish(1), office.publish(2)];
    await office.flow();
    seen[0].done();
    seen[1].fail(new Error('once'));
    await turn();
    laneOf(office.fabric, 'b').break(true);
    laneOf(office.fabric, 'a').break(true);
    for (let i = 0; i < 6; i++) await office.pass(100);
    seen[2].done();
    await office.flow();
    expect(seen.map(({ message: { data, redelivered } }) => [data, redelivered])).toEqual([
      [1, false],
      [2, false],
      [2, true],
    ]);
    expect(states.map(({ receipt }) => receipt?.deliveries[0])).toMatchObject([
      { outcome: 'processed', attempts: 1 },
      { outcome: 'processed', attempts: 2 },
    ]);
  });
});
