import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OK } from '../../src/contract/index.ts';
import type { Subscription } from '../../src/subscription.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

/** Four messages of this size, with their overhead, fill the window of a topic. */
const BYTES = 186;
const LIMITS = { topicCredit: 4 * (BYTES + 64) };

let red: Fabric;
let pair: Pair;
beforeEach(async () => {
  red = new Fabric('red');
  pair = await Pair.create([red], { limits: LIMITS });
});
afterEach(async () => {
  expect([...pair.a.errors, ...pair.b.errors]).toEqual([]);
  await pair.close();
});

const numbered = (n: number) => new Uint8Array(BYTES).fill(n);

/** What a subscription without a handler has waiting, and what comes behind it. */
async function read(subscription: Subscription, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { data } of subscription) {
    numbers.push((data as Uint8Array)[0]);
    await flow(red);
    if (numbers.length === count) break;
  }
  return numbers;
}

describe.each(['a peer', 'the own bus'])('with %s behind', (who) => {
  let behind: Subscription;

  beforeEach(async () => {
    behind = (who === 'a peer' ? pair.b : pair.a).bus.subscribe('t');
    await turn();
    for (let n = 0; n < 4; n++) void pair.a.bus.publish('t', numbered(n));
    await flow(red);
    expect(behind.queued).toBe(4);
  });

  test('error sends nothing to anybody', async () => {
    const heard: unknown[] = [];
    (who === 'a peer' ? pair.a : pair.b).bus.subscribe('t', ({ data }) => heard.push(data));
    await turn();
    const refused = pair.a.bus.publish('t', numbered(4), { onFull: 'error' });
    await expect(refused).rejects.toMatchObject({ code: 'BACK_PRESSURED', where: 'publish t' });
    await flow(red);
    expect(heard).toEqual([]);
    expect(await read(behind, 4)).toEqual([0, 1, 2, 3]);
    const next = pair.a.bus.publish('t', numbered(5), { onFull: 'error' });
    await flow(red);
    await next;
    expect(heard).toHaveLength(1);
  });

  test('drop-newest loses this message, and says so', async () => {
    const dropped = pair.a.bus.publish('t', numbered(4), { onFull: 'drop-newest' });
    await expect(dropped).rejects.toMatchObject({
      code: 'BACK_PRESSURED',
      data: { deliveries: [{ outcome: 'dropped', reason: 'no credit: the subscriber is behind' }] },
    });
    expect(await read(behind, 4)).toEqual([0, 1, 2, 3]);
    expect(pair.a.bus.counters.outcomes).toMatchObject({ dropped: 1 });
  });

  test('drop-oldest keeps the last window of what waits, in order, and nobody waits for the rest', async () => {
    const results: Promise<string>[] = [];
    for (let n = 4; n < 20; n++) {
      const published = pair.a.bus.publish('t', numbered(n), { onFull: 'drop-oldest' });
      results.push(
        published.then(
          () => 'delivered',
          ({ data }) => data.deliveries[0].reason,
        ),
      );
    }
    expect(pair.link(pair.a).outbound.queued + pair.a.engine.local.queued).toBe(4);
    expect(await read(behind, 8)).toEqual([0, 1, 2, 3, 16, 17, 18, 19]);
    expect(await Promise.all(results)).toEqual([
      ...Array.from({ length: 12 }, () => 'no credit: newer messages took its place'),
      ...Array.from({ length: 4 }, () => 'delivered'),
    ]);
    expect([pair.a.bus.counters.outcomes.dropped, pair.b.bus.counters.gaps]).toEqual([12, 0]);
  });

  test('drop-oldest takes nothing that others have waiting', async () => {
    const waits = [4, 5].map((n) => pair.a.bus.publish('t', numbered(n)));
    for (let n = 6; n < 16; n++) pair.a.bus.publish('t', numbered(n), { onFull: 'drop-oldest' }).catch(() => {});
    expect(await read(behind, 10)).toEqual([0, 1, 2, 3, 4, 5, 12, 13, 14, 15]);
    await Promise.all(waits);
  });

  test('of drop-oldest messages the least urgent go first', async () => {
    const waiting = ['high', 'batch', 'high', 'high', 'high'] as const;
    for (const [n, priority] of waiting.entries())
      pair.a.bus.publish('t', numbered(n + 4), { priority, onFull: 'drop-oldest' }).catch(() => {});
    expect(await read(behind, 8)).toEqual([0, 4, 6, 7, 8, 1, 2, 3]);
  });

  test('a publisher drops by the same words', async () => {
    const newest = pair.a.bus.publisher('t', { onFull: 'drop-newest' });
    expect(newest.send(numbered(4))).toBe(OK);
    expect((await newest.flush()).failed).toEqual([
      { outcome: 'dropped', count: 1, reason: 'no credit: the subscriber is behind' },
    ]);
    const oldest = pair.a.bus.publisher('t', { onFull: 'drop-oldest' });
    for (let n = 5; n < 15; n++) expect(oldest.send(numbered(n))).toBe(OK);
    expect(await read(behind, 8)).toEqual([0, 1, 2, 3, 11, 12, 13, 14]);
    expect(await oldest.flush()).toMatchObject({ delivered: 4, failed: [{ outcome: 'dropped', count: 6 }] });
  });
});

test('a word that does not exist is refused', async () => {
  const options = { onFull: 'drop' } as never;
  await expect(pair.a.bus.publish('t', 1, options)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    where: 'publish t',
  });
  expect(() => pair.a.bus.publisher('t', options)).toThrow('onFull "drop" does not exist');
  expect(() => pair.a.bus.publisher('t', { onFull: 'wait' } as never)).toThrow('no promise that could wait');
});
