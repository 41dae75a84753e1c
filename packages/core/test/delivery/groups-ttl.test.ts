import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OUTCOMES } from '../../src/outcomes.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Mesh } from '../support/mesh.ts';
import { type Participant, turn } from '../support/pair.ts';
import { FOUR_A_WINDOW, numbered, reader, type Worker, worker } from '../support/workers.ts';

let red: Fabric;
let mesh: Mesh;
/** Publishes. */
let a: Participant;
let b: Participant;
let c: Participant;

beforeEach(async () => {
  red = new Fabric('red');
  mesh = await Mesh.create(3, red, { limits: FOUR_A_WINDOW });
  [a, b, c] = mesh.members;
});
afterEach(async () => {
  for (const { bus } of mesh.members) {
    const { counters } = bus;
    expect(OUTCOMES.reduce((sum, outcome) => sum + counters.outcomes[outcome], 0)).toBe(counters.targets);
  }
  await mesh.close();
});

/** What becomes of each message of one key that is published now: `outcome` at whom. */
function begin(
  count: number,
  ttl?: number,
  first = 0,
): { readonly outcomes: string[]; readonly all: Promise<unknown> } {
  const outcomes: string[] = [];
  const all = Array.from({ length: count }, (_, i) =>
    a.bus.publish('t', numbered(first + i), { orderKey: 'k', ttl }).then(
      ({ deliveries: [{ outcome, peerName }] }) => (outcomes[i] = `${outcome} ${peerName}`),
      ({ data }) => (outcomes[i] = `${data.deliveries[0].outcome} ${data.deliveries[0].peerName}`),
    ),
  );
  return { outcomes, all: Promise.all(all) };
}

/** Bytes of the group that `to` has not given back. */
function inFlight(to: Participant): number {
  const entry = a.engine.interest.entry('t');
  const link = a.engine.membership.member(to.engine.self.id)?.link;
  const account =
    link?.outbound.topic('t', entry.hash, 'workers') ?? a.engine.local.topic(entry, 'workers', 't|workers');
  return account.inFlight;
}

/** A member with a full window, all of it being worked on. */
async function full(participant: Participant): Promise<Worker> {
  const stuck = worker(participant);
  await turn();
  void begin(4, undefined, 100);
  await flow(red);
  expect(stuck.seen).toHaveLength(4);
  return stuck;
}

test.each(['a peer', 'the own bus'])(
  'waiting for credit at %s, it expires at that moment, and is never given',
  async (which) => {
    const at = which === 'a peer' ? b : a;
    const stuck = await full(at);
    const { outcomes } = begin(2, 50);
    const last = begin(1, undefined, 7);
    await mesh.clock.advance(49);
    expect(outcomes).toEqual([]);
    await mesh.clock.advance(1);
    await turn();
    expect(outcomes).toEqual(new Array(2).fill(`expired ${at.bus.self.name}`));
    for (let i = 0; i < 4; i++) stuck.finish();
    await flow(red);
    await last.all;
    expect([stuck.seen.slice(4), at.engine.counters.expired]).toEqual([[7], 0]);
    stuck.finish();
    await flow(red);
    expect(inFlight(at)).toBe(0);
  },
);

test('waiting in the queue of a member, it is not begun, is counted there, and its credit goes back', async () => {
  const busy = worker(b, 'workers', 1);
  await turn();
  void begin(1);
  const { outcomes, all } = begin(2, 50, 1);
  await flow(red);
  await all;
  expect([outcomes, busy.subscription.queued]).toEqual([['delivered b', 'delivered b'], 2]);
  void begin(1, undefined, 9);
  await flow(red);
  await mesh.clock.advance(50);
  busy.finish();
  await flow(red);
  expect([busy.seen, b.engine.counters.expired]).toEqual([[0, 9], 2]);
  busy.finish();
  await flow(red);
  expect(inFlight(b)).toBe(0);
});

test.each([
  ['before', [9], 2],
  ['after', [9], 2],
  ['not', [9, 1, 2], 0],
])('handed over to another member of its bus, it expires there: %s', async (when, seen, expired) => {
  const leaving = worker(b, 'workers', 1);
  await turn();
  void begin(1);
  void begin(2, 50, 1);
  await flow(red);
  const heir = worker(b, 'workers', 1);
  // With another key: it goes to the one that has nothing to do.
  void a.bus.publish('t', numbered(9), { orderKey: 'other' });
  await flow(red);
  expect([leaving.seen, heir.seen, leaving.subscription.queued]).toEqual([[0], [9], 2]);
  if (when === 'before') await mesh.clock.advance(50);
  leaving.subscription.close();
  expect(heir.subscription.queued).toBe(when === 'before' ? 0 : 2);
  if (when === 'after') await mesh.clock.advance(50);
  for (let i = 0; i < 3; i++) {
    heir.finish();
    await flow(red);
  }
  expect([heir.seen, b.engine.counters.expired, b.engine.counters.unclaimed]).toEqual([seen, expired, 0]);
  leaving.finish();
  await flow(red);
  expect(inFlight(b)).toBe(0);
});

test.each([
  ['a peer', 'dies'],
  ['a peer', 'leaves'],
  ['the own bus', 'dies'],
])('given to %s when its member %s, it is watched again: it expires where it waits now', async (which, how) => {
  const heir = which === 'a peer' ? c : a;
  const stuck = await full(b);
  const { outcomes } = begin(6, 50);
  await mesh.clock.advance(20);
  const next = worker(heir);
  await turn();
  if (how === 'dies') await mesh.kill(b);
  else stuck.subscription.close();
  await flow(red);
  expect(next.seen).toEqual([0, 1, 2, 3]);
  await mesh.clock.advance(29);
  expect(outcomes).toEqual(new Array(4).fill(`delivered ${heir.bus.self.name}`));
  await mesh.clock.advance(1);
  await turn();
  expect(outcomes.slice(4)).toEqual(new Array(2).fill(`expired ${heir.bus.self.name}`));
  for (let i = 0; i < 4; i++) next.finish();
  await flow(red);
  expect([next.seen.length, inFlight(heir)]).toEqual([4, 0]);
});

test('given to a peer that no route leads to yet, it expires while it waits for one', async () => {
  await full(b);
  const { outcomes } = begin(2, 50);
  const next = worker(c);
  await turn();
  red.closed = true;
  await mesh.kill(b);
  await turn();
  expect(outcomes).toEqual([]);
  await mesh.clock.advance(50);
  await turn();
  expect(outcomes).toEqual(['expired c', 'expired c']);
  red.closed = false;
  void begin(1, undefined, 5);
  for (let i = 0; i < 20 && next.seen.length === 0; i++) {
    await mesh.clock.advance(50);
    await flow(red);
  }
  expect(next.seen).toEqual([5]);
});

test.each([
  ['a peer', 'dies'],
  ['a peer', 'leaves'],
  ['the own bus', 'leaves'],
])('too old, its timer being late, it is given to nobody else when %s %s', async (which, how) => {
  const at = which === 'a peer' ? b : a;
  const stuck = await full(at);
  const { outcomes } = begin(2, 50);
  const heir = reader(c, 'workers');
  await turn();
  const now = vi.spyOn(mesh.clock, 'now').mockReturnValue(50);
  if (how === 'dies') await mesh.kill(at);
  else stuck.subscription.close();
  await turn();
  now.mockRestore();
  const { name } = at.bus.self;
  expect(outcomes).toEqual([`expired ${name}`, `expired ${name}`]);
  await flow(red);
  expect(heir).toEqual([]);
});
