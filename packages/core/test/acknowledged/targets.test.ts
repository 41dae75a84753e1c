import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Policy } from '../../src/selector/policy.ts';
import { SETTLED } from '../../src/stats/channels.ts';
import { Office, worker } from '../support/acknowledging.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;
let c: Participant;

beforeEach(async () => {
  office = await Office.open();
  ({ a, b, c } = office);
});
afterEach(() => office.close());

/** How the deliveries of a publish ended, by peer and group. */
function outcomes(state: ReturnType<Office['publish']>): Record<string, string> {
  const entries = state.receipt?.deliveries.map(
    ({ peerName, group, outcome, attempts }) => [`${peerName} ${group ?? '-'}`, `${outcome} ${attempts}`] as const,
  );
  return Object.fromEntries(entries ?? []);
}

describe('an acknowledged message for several', () => {
  test('is processed or refused by each for itself', async () => {
    const [one, two, own] = [worker(b), worker(c), worker(a)];
    await turn();
    const state = office.publish('x', { maxDeliveries: 1 });
    await office.flow();
    one.seen[0].done();
    await office.flow();
    expect(a.bus.counters.outcomes).toMatchObject({ processed: 1, 'dead-lettered': 0 });
    two.seen[0].fail(new Error('no'));
    own.seen[0].done();
    await office.flow();
    expect(outcomes(state)).toEqual({ 'b -': 'processed 1', 'c -': 'dead-lettered 1', 'a -': 'processed 1' });
    expect(a.bus.deadLetters.list()).toMatchObject([{ path: [{ peerName: 'c' }] }]);
  });

  test('of which the last that is open ends first', async () => {
    const [one, two] = [worker(b), worker(c)];
    await turn();
    const states = [office.publish(1), office.publish(2)];
    await office.flow();
    for (const { done } of [...two.seen, ...one.seen].toReversed()) {
      done();
      await office.flow();
    }
    for (const state of states) expect(outcomes(state)).toEqual({ 'b -': 'processed 1', 'c -': 'processed 1' });
  });

  test('at one peer - a subscription, and a member of each of two groups - is three deliveries', async () => {
    const [plain, first, second] = [worker(b), worker(b, 'g'), worker(b, 'h')];
    await turn();
    const state = office.publish('x');
    await office.flow();
    first.seen[0].fail(new Error('once'));
    plain.seen[0].done();
    await office.flow();
    await office.pass(100);
    second.seen[0].done();
    first.seen[1].done();
    await office.flow();
    expect(outcomes(state)).toEqual({ 'b -': 'processed 1', 'b g': 'processed 2', 'b h': 'processed 1' });
    expect([plain.marks(), first.marks(), second.marks()]).toEqual([[false], [false, true], [false]]);
  });

  test('in a group that the own bus is a member of goes to another when that leaves, and comes back', async () => {
    const own = worker(a, 'g');
    const state = office.publish('x');
    await office.flow();
    own.subscription.close();
    own.seen[0].fail(new Error('closed down'));
    await office.flow();
    const other = worker(b, 'g');
    await turn();
    await office.pass(100);
    expect(other.marks()).toEqual([true]);
    const again = worker(a, 'g');
    await office.mesh.kill(b);
    await office.flow();
    again.seen[0].done();
    await office.flow();
    expect(outcomes(state)).toEqual({ 'a g': 'processed 3' });
  });

  test('is waited for by its group as long as a handler may take, whoever joins other groups', async () => {
    const only = worker(b, 'g');
    await turn();
    const state = office.publish('x', { ackTimeout: 1000 });
    await office.flow();
    only.subscription.close();
    only.seen[0].fail(new Error('closed down'));
    await office.flow();
    await office.pass(100);
    for (let i = 0; i < 4; i++) {
      await office.pass(200);
      worker(c, `other-${i}`);
      await turn();
    }
    expect(state).toEqual({});
    await office.pass(200);
    expect(state.error?.message).toContain('no member of the group is left');
  });

  test('is told once on busbar.settled, with what its receiver said', async () => {
    const told: string[] = [];
    const listener = (notice: unknown): void => {
      const { outcome, bus, topic } = notice as { outcome: string; topic: string; bus: { name: string } };
      if (bus.name === 'a') told.push(`${topic} ${outcome}`);
    };
    subscribe(SETTLED.name as string, listener);
    try {
      const { seen } = worker(b);
      await turn();
      office.publish('x');
      await office.flow();
      expect(told).toEqual([]);
      seen[0].done();
      await office.flow();
      expect(told).toEqual(['t processed']);
    } finally {
      unsubscribe(SETTLED.name as string, listener);
    }
  });
});

describe('the end of a bus', () => {
  test('ends what its peers have at work: nobody waits for their word', async () => {
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x');
    await office.flow();
    await Promise.all([a.bus.close({ timeout: 1 }), office.mesh.clock.advance(10)]);
    expect(state.error?.code).toBe('CLOSED');
    seen[0].done();
  });

  test('waits until what its handlers have just finished is told', async () => {
    await office.close();
    const fabric = new Fabric('red', { confirms: 'copied' });
    office = await Office.open({}, fabric);
    ({ a, b, c } = office);
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x');
    await office.flow();
    const closing = b.bus.close({ timeout: 1000 });
    seen[0].done();
    // b has not sent anything yet: it connects first.
    for (let i = 0; i < 20; i++) await office.pass(1);
    await closing;
    expect(outcomes(state)).toEqual({ 'b -': 'processed 1' });
  });
});

describe('a receipt', () => {
  test('of a group’s message is for its sender, which may have left the group; other members have their own', async () => {
    const own = worker(a, 'g');
    const other = worker(b, 'g');
    const third = worker(c, 'g');
    await turn();
    // The first message of each: they bear the same number.
    const states = [office.publish(1), office.publish(2), office.publish(3)];
    const foreign = c.bus.publish('t', 4, { reliability: 'acknowledged' });
    await office.flow();
    for (const lane of office.fabric.lanes) lane.jammed = true;
    for (const { message, done } of [...own.seen, ...other.seen]) if (message.from.name === 'a') done();
    await turn();
    own.subscription.close();
    await turn();
    for (const lane of office.fabric.lanes) lane.unjam();
    await office.flow();
    const ended = states.map(({ receipt }) => receipt?.deliveries[0].peerName);
    expect(ended.filter((name) => name !== undefined).toSorted()).toEqual(['a', 'b']);
    expect(c.bus.counters.outcomes.processed).toBe(0);
    for (const { done } of [...third.seen, ...other.seen, ...own.seen]) done();
    await office.flow();
    await foreign;
  });

  test('comes in the turn of its handler, on a medium that owes nothing else', async () => {
    const fabric = new Fabric('red', { confirms: 'copied' });
    await office.close();
    office = await Office.open({}, fabric);
    ({ a, b, c } = office);
    let count = 0;
    b.bus.subscribe('t', () => void count++);
    await turn();
    const states = [1, 2, 3].map((n) => office.publish(n));
    await office.flow();
    expect(count).toBe(3);
    for (const state of states) expect(outcomes(state)).toEqual({ 'b -': 'processed 1' });
  });

  test('that overtakes the link’s confirmation is believed', async () => {
    await office.close();
    const fabric = new Fabric('red', { confirms: 'copied' });
    office = await Office.open({}, fabric);
    ({ a, b, c } = office);
    b.bus.subscribe('t', () => {});
    await turn();
    for (const lane of office.fabric.lanes) lane.confirmed = () => 0;
    const state = office.publish('x');
    await turn();
    for (const lane of office.fabric.lanes) lane.confirmed = () => 0;
    await office.flow();
    expect(outcomes(state)).toEqual({ 'b -': 'processed 1' });
  });

  test('crosses a link that was lost and came back; meanwhile the second copy was known', async () => {
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x', { ackTimeout: 1000 });
    await office.flow();
    const links = [
      [a, b],
      [b, a],
    ].map(([one, other]) => one.engine.membership.member(other.engine.self.id)?.link);
    for (const link of links) link?.suspend();
    seen[0].done();
    await office.pass(1000);
    expect(state).toEqual({});
    for (const link of links) link?.resume(link.peer);
    await office.pass(1);
    expect(outcomes(state)).toEqual({ 'b -': 'processed 2' });
    await office.pass(1000);
    expect(seen).toHaveLength(1);
  });
});

test('a policy sees that a message is to be acknowledged, whatever went the same way before', async () => {
  const fabrics = [new Fabric('red'), new Fabric('blue')];
  const sure: Policy = {
    name: 'sure',
    borders: [],
    prefer: ({ reliability }) => ({
      prefer: reliability === 'acknowledged' ? ['blue', 'red'] : ['red', 'blue'],
      reason: 'test',
    }),
  };
  const pair = await Pair.create(fabrics, { policy: sure });
  pair.b.bus.subscribe('t', () => {});
  await turn();
  const ways: (string | undefined)[] = [];
  for (const reliability of ['reliable', 'acknowledged', 'reliable', 'acknowledged'] as const) {
    const published = pair.a.bus.publish('t', 1, { reliability });
    await flow(...fabrics);
    ways.push((await published).deliveries[0].via);
  }
  expect(ways).toEqual(['red', 'blue', 'red', 'blue']);
  await pair.close();
});
