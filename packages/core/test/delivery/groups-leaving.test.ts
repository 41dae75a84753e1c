import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { BACK_PRESSURED, OK } from '../../src/contract/index.ts';
import { topic } from '../../src/contracts.ts';
import { OUTCOMES } from '../../src/outcomes.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Mesh } from '../support/mesh.ts';
import { type Participant, turn } from '../support/pair.ts';
import { FOUR_A_WINDOW, numbered, numberOf, reader, worker } from '../support/workers.ts';

let red: Fabric;
let mesh: Mesh;
let a: Participant;
let b: Participant;
let c: Participant;

beforeEach(async () => {
  red = new Fabric('red');
  mesh = await Mesh.create(3, red, { limits: { ...FOUR_A_WINDOW, linkCredit: 6 * 104 } });
  [a, b, c] = mesh.members;
});
afterEach(async () => {
  for (const { bus } of mesh.members) {
    const { counters } = bus;
    expect(OUTCOMES.reduce((sum, outcome) => sum + counters.outcomes[outcome], 0)).toBe(counters.targets);
  }
  await mesh.close();
});

/** Publishes `count` messages from a on; the statuses they settle with. */
async function begin(count: number, options = {}, name = 't', first = 0): Promise<string[]> {
  const all = Array.from({ length: count }, (_, i) => a.bus.publish(name, numbered(first + i), options));
  return (await Promise.allSettled(all)).map(({ status }) => status);
}

describe('a member of the own bus that leaves', () => {
  test('leaves what waits for its credit to peers at once, though its handlers still run', async () => {
    const own = worker(a);
    await turn();
    const statuses = begin(8, { orderKey: 'k' });
    await flow(red);
    const peer = reader(b, 'workers');
    await flow(red);
    expect([own.seen, peer]).toEqual([[0, 1, 2, 3], []]);
    own.subscription.close();
    await flow(red);
    expect(peer).toEqual([4, 5, 6, 7]);
    expect(await statuses).toEqual(new Array(8).fill('fulfilled'));
    expect(a.engine.local.queuedBytes).toBe(0);
  });

  test('leaves what is queued and what waits in its order', async () => {
    const own = worker(a);
    const peer = reader(b, 'workers');
    await turn();
    const statuses = begin(8, { orderKey: 'k' });
    // Four of them in its queue, four without credit.
    expect(a.engine.local.queued).toBe(8);
    own.subscription.close();
    await flow(red);
    expect([own.seen, peer]).toEqual([[], [0, 1, 2, 3, 4, 5, 6, 7]]);
    expect(a.engine.local.topic(a.engine.interest.entry('t'), 'workers', 't|workers').inFlight).toBe(0);
    expect(await statuses).toEqual(new Array(8).fill('fulfilled'));
  });

  test('being the last one, is told as peer-gone', async () => {
    const own = worker(a);
    await turn();
    const statuses = begin(6);
    await flow(red);
    own.subscription.close();
    expect(await statuses).toEqual([...new Array(4).fill('fulfilled'), 'rejected', 'rejected']);
    expect(a.bus.stats().failed).toMatchObject([{ reason: 'no member of the group is left', count: 2 }]);
  });
});

test('what a leaving member gives back of the link’s credit is for the other topics of its bus', async () => {
  const leaving = [worker(b, 'one'), worker(b, 'two')];
  const others: number[] = [];
  b.bus.subscribe('u', (message) => void others.push(numberOf(message)));
  await turn();
  void begin(1, {}, 'u');
  await flow(red);
  for (const lane of red.lanes) if (lane.owner === a.engine.self.id) lane.jammed = true;
  void begin(3);
  const statuses = begin(3, {}, 'u', 1);
  await turn();
  reader(c, 'one');
  reader(c, 'two');
  await turn();
  for (const { subscription } of leaving) subscription.close();
  await flow(red);
  for (const lane of red.lanes) if (lane.jammed) lane.unjam();
  await flow(red);
  expect(others).toEqual([0, 1, 2, 3]);
  expect(await statuses).toEqual(new Array(3).fill('fulfilled'));
});

test('of members here, one that checks by the same schema takes over, though others have less to do', async () => {
  const [One, Other] = [topic('t', z.any()), topic('t', z.any())];
  const seen: string[] = [];
  const stuck = (name: string) => () => {
    seen.push(name);
    return new Promise(() => {});
  };
  const leaving = b.bus.subscribe(One, stuck('leaving'), { group: 'workers', concurrency: 1 });
  b.bus.subscribe(Other, stuck('other'), { group: 'workers' });
  await turn();
  void begin(3, { orderKey: 'k' });
  await flow(red);
  b.bus.subscribe(One, () => void seen.push('heir'), { group: 'workers' });
  leaving.close();
  expect([seen, b.bus.counters.unclaimed]).toEqual([['leaving', 'heir', 'heir'], 0]);
});

describe('a publisher that waits for a stuck member goes on', () => {
  test.each<[string, () => unknown]>([
    ['a peer joins', () => reader(c, 'workers')],
    ['this bus joins', () => reader(a, 'workers')],
  ])('when %s', async (_, join) => {
    const stuck = worker(b);
    await turn();
    const publisher = a.bus.publisher<Uint8Array>('t');
    for (let n = 0; n < 4; n++) expect(publisher.send(numbered(n))).toBe(OK);
    await flow(red);
    expect([publisher.send(numbered(4)), stuck.seen.length]).toEqual([BACK_PRESSURED, 4]);
    let isWritable = false;
    const writable = publisher.writable().then(() => {
      isWritable = true;
    });
    await flow(red);
    expect(isWritable).toBe(false);
    join();
    await flow(red);
    expect([isWritable, publisher.send(numbered(4))]).toEqual([true, OK]);
    await writable;
    await flow(red);
  });

  test('when a subscription that is stuck, here, is closed', async () => {
    const stuck = a.bus.subscribe('t', () => new Promise(() => {}), { concurrency: 100 });
    const full = worker(a);
    const publisher = a.bus.publisher<Uint8Array>('t');
    while (publisher.send(numbered(0)) === OK);
    await turn();
    const writable = publisher.writable();
    full.subscription.close();
    stuck.close();
    await writable;
  });
});
