import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Pair, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let a: Participant;

beforeEach(async () => {
  pair = await Pair.create([], { limits: { topicCredit: 1000 } });
  a = pair.a;
});
afterEach(() => pair.close());

const bytes = (n: number) => new Uint8Array(n);

describe('the own bus', () => {
  test('delivers after the publishing turn, in order, to each subscription its own value', async () => {
    const seen: string[] = [];
    const values: unknown[] = [];
    for (const name of ['one', 'two']) {
      a.bus.subscribe('t.*', ({ data }) => {
        seen.push(`${name}${(data as { n: number }).n}`);
        values.push(data);
      });
    }
    const receipts = [1, 2].map((n) => a.bus.publish('t.x', { n }));
    expect(seen).toEqual([]);
    expect((await Promise.all(receipts)).map(({ deliveries }) => deliveries.length)).toEqual([1, 1]);
    expect(seen).toEqual(['one1', 'two1', 'one2', 'two2']);
    expect(new Set(values).size).toBe(4);
  });

  test('a handler that never ends stops its own topic, nobody else; nothing is lost', async () => {
    const gates: (() => void)[] = [];
    const slow: number[] = [];
    a.bus.subscribe('t.slow', ({ data }) => {
      slow.push((data as Uint8Array).length);
      return new Promise<void>((resolve) => gates.push(resolve));
    });
    let fast = 0;
    a.bus.subscribe('t.fast', () => {
      fast++;
    });
    const sizes = Array.from({ length: 10 }, (_, i) => 400 + i);
    const receipts = sizes.map((n) => a.bus.publish('t.slow', bytes(n)));
    await a.bus.publish('t.fast', bytes(900));
    await turn();
    expect([fast, slow.length]).toEqual([1, 1]);
    expect(a.engine.local.queued).toBeGreaterThan(5);
    while (slow.length < 10) {
      gates.shift()?.();
      await turn();
    }
    expect(slow).toEqual(sizes);
    await Promise.all(receipts);
    expect([a.engine.local.queued, a.engine.local.queuedBytes]).toEqual([0, 0]);
  });

  test('best-effort without room is dropped and counted', async () => {
    a.bus.subscribe('t.slow', () => new Promise(() => {}));
    const sent = Array.from({ length: 6 }, () => a.bus.publish('t.slow', bytes(400), { reliability: 'best-effort' }));
    const results = await Promise.allSettled(sent);
    const dropped = results.filter(({ status }) => status === 'rejected').length;
    expect(dropped).toBeGreaterThan(0);
    expect(a.engine.counters.outcomes).toMatchObject({ dropped, delivered: 6 - dropped });
  });

  test('an answer does not wait behind requests that wait for credit', async () => {
    let calls = 0;
    a.bus.serve('work', () => (++calls === 1 ? 'done' : new Promise(() => {})), { concurrency: 2 });
    const requests = Array.from({ length: 12 }, () => a.bus.request('work', bytes(400), { deadline: 1000 }));
    const results = Promise.allSettled(requests);
    expect(await requests[0]).toBe('done');
    await pair.clock.advance(1001);
    expect((await results).filter(({ status }) => status === 'rejected').length).toBe(11);
  });

  test('a flood of messages that publish more leaves the event loop its turns', async () => {
    let count = 0;
    a.bus.subscribe('t.echo', () => {
      if (++count < 20_000) void a.bus.publish('t.echo', bytes(1));
    });
    void a.bus.publish('t.echo', bytes(1));
    let turns = 0;
    while (count < 20_000) {
      await new Promise(setImmediate);
      turns++;
    }
    expect(turns).toBeGreaterThan(10);
  });
});
