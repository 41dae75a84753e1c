import { afterEach, describe, expect, test } from 'vitest';
import { OK } from '../../src/contract/index.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

const BYTES = 10_000;

let pair: Pair;

afterEach(async () => {
  expect([...pair.a.errors, ...pair.b.errors]).toEqual([]);
  await pair.close();
});

function suspend(): void {
  for (const side of [pair.a, pair.b]) pair.link(side).suspend();
}

function resume(): void {
  for (const side of [pair.a, pair.b]) {
    const link = pair.link(side);
    link.resume(link.peer);
  }
}

describe('a link that resumes', () => {
  test('returns credit that came due while it was broken, though nothing else is to be written', async () => {
    const red = new Fabric('red', { confirms: 'copied' });
    pair = await Pair.create([red]);
    let handle = (): void => {};
    const held = new Promise<void>((resolve) => {
      handle = resolve;
    });
    let received = 0;
    pair.b.bus.subscribe('a.x', async () => {
      received++;
      await held;
    });
    await turn();
    const publisher = pair.a.bus.publisher<Uint8Array>('a.x');
    let sent = 0;
    // What is refused asks for credit: the answer lets one more go.
    for (let refused = 0; refused < 3; await flow(red)) {
      if (publisher.send(new Uint8Array(BYTES)) === OK) sent++;
      else refused++;
    }
    const writable = publisher.writable();
    suspend();
    handle();
    await turn();
    resume();
    await flow(red);
    await writable;
    expect(publisher.send(new Uint8Array(BYTES))).toBe(OK);
    await flow(red);
    expect(received).toBe(sent + 1);
  });
});

test.each([
  ['connects slowly', { slow: true }],
  ['cannot be connected', { closed: true }],
])('answers do not wait for a transport that %s, while another is up', async (_, trouble) => {
  const [red, blue] = [new Fabric('red'), new Fabric('blue')];
  pair = await Pair.create([red, blue], {
    policy: { name: 'red first', borders: [], prefer: () => ({ prefer: ['red', 'blue'], reason: 'red first' }) },
  });
  const { a, b } = pair;
  for (const { bus } of [a, b]) bus.subscribe('x', () => {});
  await turn();
  for (const via of ['red', 'blue']) {
    const both = Promise.all([a, b].map(({ bus }) => bus.publish('x', 0, { via })));
    await flow(red, blue);
    await both;
  }
  Object.assign(red, trouble);
  laneOf(red, 'b').break(true);
  await flow(red, blue);
  // It may be tried again.
  await pair.clock.advance(100);
  const published = a.bus.publish('x', 1, { via: 'red' });
  await flow(red, blue);
  if (red.slow) await pair.clock.advance(100);
  await flow(red, blue);
  const outcomes = (await published).deliveries.map(({ outcome }) => outcome);
  expect(outcomes).toEqual(['delivered', 'delivered']);
});
