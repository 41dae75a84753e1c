import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OUTCOMES, type Receipt } from '../../src/outcomes.ts';
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

function begin(count: number, options = {}, first = 0): Promise<PromiseSettledResult<Receipt>[]> {
  return Promise.allSettled(Array.from({ length: count }, (_, i) => a.bus.publish('t', numbered(first + i), options)));
}

async function publish(count: number, options = {}, first = 0): Promise<PromiseSettledResult<Receipt>[]> {
  const results = begin(count, options, first);
  await flow(red);
  return results;
}

describe('a group', () => {
  test('gets each message once; other groups and plain subscriptions get it too', async () => {
    const workers = [reader(a, 'workers'), reader(b, 'workers'), reader(c, 'workers')];
    const auditors = [reader(b, 'audit'), reader(c, 'audit')];
    const plain = [reader(a), reader(b)];
    await turn();
    const [first] = (await publish(12)) as PromiseFulfilledResult<Receipt>[];
    expect(workers.flat().sort((x, y) => x - y)).toEqual(Array.from({ length: 12 }, (_, n) => n));
    expect(auditors.flat().sort((x, y) => x - y)).toEqual(Array.from({ length: 12 }, (_, n) => n));
    for (const all of plain) expect(all).toEqual(Array.from({ length: 12 }, (_, n) => n));
    expect(workers.map(({ length }) => length)).toEqual([4, 4, 4]);
    expect(first.value.deliveries.map(({ group }) => group ?? 'all').join()).toBe('all,workers,all,audit');
    expect(a.bus.counters).toMatchObject({ targets: 48, unrouted: 0 });
    expect([...a.errors, ...b.errors, ...c.errors]).toEqual([]);
  });

  test('gives the next message to who has least outstanding: what handlers have begun counts until they end', async () => {
    const [busy, free] = [worker(b), worker(c)];
    await turn();
    await publish(2);
    expect([busy.seen.length, free.seen.length]).toEqual([1, 1]);
    for (let n = 2; n < 6; n++) {
      free.finish();
      await flow(red);
      await publish(1, {}, n);
    }
    expect([busy.seen.length, free.seen.length]).toEqual([1, 5]);
  });

  test('keeps an order key with its member while that has anything outstanding', async () => {
    const workers = [worker(b), worker(c)];
    await turn();
    await publish(1, { orderKey: 'k' });
    const [holder, other] = workers[0].seen.length === 1 ? workers : [workers[1], workers[0]];
    await publish(2, { orderKey: 'k' }, 1);
    expect([holder.seen, other.seen]).toEqual([[0, 1, 2], []]);
    await publish(3, {}, 10);
    expect(other.seen).toEqual([10, 11, 12]);
    for (let i = 0; i < 3; i++) holder.finish();
    await flow(red);
    await publish(1, { orderKey: 'k' }, 3);
    expect(holder.seen).toContain(3);
    for (let i = 0; i < 4; i++) holder.finish();
    await flow(red);
  });

  test('without credit at the member of an order key, nothing is sent to anybody', async () => {
    const workers = [worker(b), worker(c)];
    await turn();
    await publish(4, { orderKey: 'k' });
    const refused = a.bus.publish('t', numbered(9), { orderKey: 'k', onFull: 'error' });
    await expect(refused).rejects.toMatchObject({ code: 'BACK_PRESSURED' });
    await publish(1, { onFull: 'error' }, 5);
    expect(workers.map(({ seen }) => seen).sort((x, y) => y.length - x.length)).toEqual([[0, 1, 2, 3], [5]]);
  });

  test('of a member that dies, what was not written goes to another; what was is reported', async () => {
    const dying = worker(b);
    await turn();
    const results = begin(8, { orderKey: 'k' });
    await turn();
    const heir = reader(c, 'workers');
    await turn();
    expect(dying.seen).toEqual([]);
    await mesh.kill(b);
    await flow(red);
    const settled = await results;
    const gone = settled.filter(({ status }) => status === 'rejected');
    expect(gone.length).toBeGreaterThan(0);
    for (const { reason } of gone as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: 'PEER_GONE', outcome: 'unknown' });
      expect(reason.data.deliveries).toMatchObject([{ group: 'workers', outcome: 'peer-gone' }]);
    }
    expect(heir).toEqual([4, 5, 6, 7]);
    expect(gone).toHaveLength(4);
  });

  test('of a member that dies, what a broken connection had carried is not given to another', async () => {
    const dying = worker(b);
    await turn();
    const results = begin(3);
    await turn();
    red.closed = true;
    for (const lane of red.lanes) if (lane.owner === a.engine.self.id) lane.break(true);
    await turn();
    const heir = reader(c, 'workers');
    await turn();
    await mesh.kill(b);
    red.closed = false;
    await flow(red);
    for (const settled of await results)
      expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'PEER_GONE', outcome: 'unknown' } });
    expect([dying.seen, heir]).toEqual([[], []]);
  });

  test('what a jammed connection holds up goes to another when its member leaves, and its credit back', async () => {
    const leaving = worker(b);
    await turn();
    await publish(1);
    for (const lane of red.lanes) if (lane.owner === a.engine.self.id) lane.jammed = true;
    const results = begin(2, {}, 1);
    const staying = reader(c, 'workers');
    await turn();
    leaving.subscription.close();
    await flow(red);
    expect(staying).toEqual([1, 2]);
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    for (const lane of red.lanes) if (lane.jammed) lane.unjam();
    leaving.finish();
    await flow(red);
    const link = a.engine.membership.member(b.engine.self.id)?.link;
    expect(link?.outbound.topic('t', a.engine.interest.entry('t').hash, 'workers').inFlight).toBe(0);
  });

  test('with nobody left, what waits is told peer-gone', async () => {
    worker(b);
    await turn();
    const results = begin(6);
    await turn();
    await mesh.kill(b);
    for (const { reason } of (await results) as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: 'PEER_GONE' });
    expect(a.bus.counters.outcomes['peer-gone']).toBe(6);
  });

  test('a member that leaves while its bus lives gives up only what was not written to it', async () => {
    const leaving = worker(b);
    await turn();
    const results = begin(8);
    await flow(red);
    const staying = worker(c);
    await flow(red);
    expect([leaving.seen.length, staying.seen.length]).toEqual([4, 0]);
    leaving.subscription.close();
    await flow(red);
    expect(staying.seen).toEqual([4, 5, 6, 7]);
    expect((await results).map(({ status }) => status)).toEqual(Array(8).fill('fulfilled'));
  });

  test('what this bus has queued for its own member goes to a peer when that closes', async () => {
    const own = worker(a);
    const peer = reader(b, 'workers');
    await turn();
    const results = begin(4);
    own.subscription.close();
    await flow(red);
    expect((await results).map(({ status }) => status)).toEqual(Array(4).fill('fulfilled'));
    expect([own.seen, [...peer].sort((x, y) => x - y)]).toEqual([[], [0, 1, 2, 3]]);
  });
});

describe('members of one bus', () => {
  test('share what arrives there, a flow staying with one of them', async () => {
    const [one, two] = [worker(b, 'workers', 1), worker(b, 'workers', 1)];
    await turn();
    await publish(1, { orderKey: 'x' });
    await publish(1, { orderKey: 'y' }, 1);
    await publish(1, { orderKey: 'x' }, 2);
    expect([one.seen, two.seen]).toEqual([[0], [1]]);
    one.finish();
    await flow(red);
    expect([one.seen, two.seen]).toEqual([[0, 2], [1]]);
  });

  test('take over what a closed one had waiting', async () => {
    const [one, two] = [worker(b, 'workers', 1), worker(b, 'workers', 1)];
    await turn();
    await publish(3, { orderKey: 'x' });
    expect([one.seen, two.seen]).toEqual([[0], []]);
    one.subscription.close();
    expect(two.seen).toEqual([1]);
    two.finish();
    await flow(red);
    expect(two.seen).toEqual([1, 2]);
    expect(b.bus.counters.unclaimed).toBe(0);
  });

  test('what nobody here takes over is counted as unclaimed', async () => {
    const one = worker(b, 'workers', 1);
    await turn();
    await publish(3);
    one.subscription.close();
    expect(b.bus.counters.unclaimed).toBe(2);
  });

  test('an iterator works on a message until it asks for the next', async () => {
    const iterator = b.bus.subscribe('t', { group: 'workers' })[Symbol.asyncIterator]();
    const other = worker(c);
    await turn();
    const next = iterator.next();
    await publish(2);
    expect(numberOf((await next).value)).toBeLessThan(2);
    other.finish();
    await flow(red);
    await publish(1, {}, 2);
    expect(other.seen).toHaveLength(2);
    other.finish();
    void iterator.next();
    await flow(red);
    expect(mesh.members[0].engine.interest.entry('t').groups?.[0]?.accounts.map(({ inFlight }) => inFlight)).toEqual([
      0, 0,
    ]);
  });
});

test('explain names the member that would get the message, with its group', async () => {
  reader(b, 'workers');
  reader(a, 'audit');
  await turn();
  expect(a.bus.explain('t', 40).map(({ group, peerName, transport }) => [group, peerName, transport])).toEqual([
    ['audit', 'a', 'local'],
    ['workers', 'b', 'red'],
  ]);
});

test('a name that is no token is refused', () => {
  for (const group of ['', 'a.b', '*', '>', 'a|b', 'x'.repeat(65), 7 as never])
    expect(() => a.bus.subscribe('t', () => {}, { group })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
});

test('topic and group that do not fit into a frame are refused, with the reason', async () => {
  const topic = `${'x'.repeat(64)}.`.repeat(3) + 'y'.repeat(60);
  b.bus.subscribe('>', () => {}, { group: 'workers' });
  await turn();
  await expect(a.bus.publish(topic, 1)).rejects.toMatchObject({
    code: 'NO_ROUTE',
    data: {
      deliveries: [
        {
          outcome: 'refused',
          reason: 'the topic and group are too long together: 263 bytes, at most 255 are possible',
        },
      ],
    },
  });
});
