import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KIND } from '../../src/contract/index.ts';
import type { OpenedStream } from '../../src/index.ts';
import { PairWriter, STREAM_CREDIT } from '../../src/link/pairs.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, type PairOptions, type Participant, turn } from '../support/pair.ts';

const WINDOW = 16_384;

let pair: Pair;
let red: Fabric;
let blue: Fabric;
/** Opens. */
let a: Participant;
/** Serves `count`, without end. */
let b: Participant;
/** What b's generators did. */
let yielded: number;
let ended: number;

async function start(options: PairOptions = {}): Promise<void> {
  red = new Fabric('red');
  blue = new Fabric('blue');
  pair = await Pair.create([red, blue], { limits: { streamWindow: WINDOW }, ...options });
  ({ a, b } = pair);
  yielded = 0;
  ended = 0;
  b.bus.serveStream('count', async function* () {
    try {
      for (;;) yield ++yielded;
    } finally {
      ended++;
    }
  });
  await turn();
}

beforeEach(() => start());
afterEach(() => pair.close());

const lanesOf = (owner: string) => [...red.lanes, ...blue.lanes].filter((one) => one.owner.startsWith(owner));
const wires = () => flow(red, blue);

function count(): OpenedStream<number> {
  return a.bus.open<unknown, number, unknown>('count', 0);
}

/** Reads up to `to`, checking that nothing is missing, doubled or out of order. */
async function readTo(opened: OpenedStream<number>, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; ) {
    let settled = false;
    const next = opened.next().finally(() => {
      settled = true;
    });
    await Promise.resolve();
    for (await turn(); !settled; ) await wires();
    expect(await next).toEqual({ done: false, value: n++ });
  }
}

describe('when a route is lost', () => {
  test.each([
    ['with the chunks on it', true],
    ['and its chunks come late', false],
  ])('%s, all arrive once, in order', async (_, lose) => {
    const opened = count();
    await readTo(opened, 1, 1000);
    let at = 1000;
    for (let round = 0; round < 4; round++) {
      await wires();
      // Reports reach the producer; what it sends for them stays on the wire, and is cut off.
      while (!lanesOf('b').some(({ flying }) => flying > 3)) {
        expect(await opened.next()).toEqual({ done: false, value: ++at });
        await turn();
        for (const one of lanesOf('a')) one.deliver(1000);
        await turn();
      }
      lanesOf('b')
        .find(({ flying }) => flying > 3)
        ?.break(lose);
      await readTo(opened, at + 1, at + 700);
      at += 700;
      await pair.clock.advance(10_000);
    }
    await opened.return();
    await wires();
    expect(ended).toBe(1);
  });

  test('with a report of credit on it, the report is repeated', async () => {
    const opened = count();
    await wires();
    const held = yielded;
    // All that came is taken; what is said of it lies on the wire, and is lost with it.
    for (let n = 1; n < held; n++) expect(await opened.next()).toEqual({ done: false, value: n });
    await turn();
    const fabric = [red, blue].find(({ lanes }) =>
      [...lanes].some((one) => one.owner.startsWith('a') && one.flying > 0),
    );
    if (fabric === undefined) throw new Error('no report is on its way');
    laneOf(fabric, 'a').break(true);
    expect(yielded).toBe(held);
    await readTo(opened, held, 3 * held);
    await opened.return();
  });
});

describe('credit', () => {
  test('of many streams shares frames', async () => {
    b.bus.serveStream('many', () => Array.from({ length: 300 }, (_, n) => n), { concurrency: 100 });
    await turn();
    const opened = Array.from({ length: 100 }, () => a.bus.open('many', 0));
    await wires();
    for (const one of opened) for (let n = 0; n < 150; n++) expect(await one.next()).toMatchObject({ value: n });
    await turn();
    // 64 streams a frame, and what else was owed.
    expect(lanesOf('a').reduce((sum, { flying }) => sum + flying, 0)).toBeLessThanOrEqual(3);
    await wires();
    for (const one of opened) for (let n = 150; n < 300; n++) expect(await one.next()).toMatchObject({ value: n });
  });

  test('that a peer claims beyond what was sent, or takes back, is not believed', async () => {
    const opened = count();
    await wires();
    const held = yielded;
    const id = (opened as unknown as { id: number }).id;
    const claim = async (bytes: number, stream = id): Promise<void> => {
      const pairs = new PairWriter(2);
      pairs.add(0, stream);
      pairs.add(1, bytes);
      pair.link(a).owe(KIND.CREDIT, STREAM_CREDIT, pairs.bytes);
      await wires();
    };
    await claim(1e9);
    await claim(0);
    await claim(1000, 4711);
    expect(yielded).toBe(held);
    await claim(1000);
    expect(yielded).toBeGreaterThan(held);
    await opened.return();
  });
});

test('a peer that sends more than the window is cut', async () => {
  const opened = count();
  await wires();
  const id = (opened as unknown as { id: number }).id;
  const pairs = new PairWriter(2);
  pairs.add(0, id);
  pairs.add(1, 15_000);
  // b is made to believe that a consumer took what none has.
  pair.link(a).owe(KIND.CREDIT, STREAM_CREDIT, pairs.bytes);
  await flow(red, blue).catch(() => {});
  expect(a.errors).toEqual([expect.stringContaining('exceed its window')]);
  const failed = (async () => {
    for await (const _ of opened);
  })();
  await expect(failed).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'unknown' });
});

describe('when the peer goes', () => {
  test('the opener reads what came, then hears PEER_GONE: not-sent when the request never left', async () => {
    red.closed = true;
    blue.closed = true;
    const opened = count();
    await turn();
    await Promise.all([b.bus.close({ timeout: 1 }), pair.clock.advance(1)]);
    await expect(opened.next()).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'not-sent', remedy: 'open again' });
    await expect(opened.result).rejects.toMatchObject({ code: 'PEER_GONE' });
  });

  test('the generator is returned and its signal fires', async () => {
    count();
    await wires();
    expect(b.engine.ownServices.unretired.size).toBe(1);
    const [service] = b.engine.ownServices.unretired;
    expect(service.active).toBe(1);
    await Promise.all([a.bus.close({ timeout: 1 }), pair.clock.advance(10)]);
    await wires();
    expect([ended, service.active]).toEqual([1, 0]);
  });
});

test('a cancel that overtakes its request keeps the handler from beginning', async () => {
  const opened = count();
  await turn();
  b.engine.cancelled(pair.link(b), (opened as unknown as { id: number }).id);
  await wires();
  expect(yielded).toBe(0);
  await opened.return();
});

test('a stream waits for its place behind others, and is given up there', async () => {
  const opened = Array.from({ length: 20 }, count);
  await wires();
  const [service] = b.engine.ownServices.unretired;
  expect([service.active, service.queued]).toEqual([16, 4]);
  await opened[19].return();
  await wires();
  expect([service.active, service.queued]).toEqual([16, 3]);
  await opened[0].return();
  await wires();
  expect([service.active, service.queued, ended]).toEqual([16, 2, 1]);
  for (const one of opened) await one.return();
});
