import { expect, test } from 'vitest';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

const BEST_EFFORT = { reliability: 'best-effort' } as const;
/** Three pieces on a fabric. */
const LARGE = new Uint8Array(5000);

test('a medium without order does not get what is reliable', async () => {
  const red = new Fabric('red', { ordered: false });
  const blue = new Fabric('blue');
  const pair = await Pair.create([red, blue]);
  const { a, b } = pair;
  const vias: string[] = [];
  b.bus.subscribe('t', ({ via }) => void vias.push(via));
  await turn();
  await expect(a.bus.publish('t', 1, { via: 'red' })).rejects.toMatchObject({
    code: 'NO_ROUTE',
    message: expect.stringContaining('red: may change the order of frames; the message is reliable'),
  });
  void a.bus.publish('t', 1);
  await flow(red, blue);
  void a.bus.publish('t', 1, { ...BEST_EFFORT, via: 'red' });
  await flow(red, blue);
  expect(vias).toEqual(['blue', 'red']);
  await pair.close();
});

test('a piece that comes late costs its own message, and holds up none that follows', async () => {
  const red = new Fabric('red', { ordered: false });
  const pair = await Pair.create([red]);
  const { a, b } = pair;
  const sizes: number[] = [];
  b.bus.subscribe('t', ({ data }) => void sizes.push((data as Uint8Array).length));
  await turn();
  await a.bus.publish('t', new Uint8Array(1), BEST_EFFORT);
  await flow(red);
  await a.bus.publish('t', LARGE, BEST_EFFORT);
  laneOf(red, 'a').swap();
  await a.bus.publish('t', new Uint8Array(2), BEST_EFFORT);
  await flow(red);
  await pair.clock.advance(10);
  expect([sizes, b.errors, b.bus.counters.gaps]).toEqual([[1, 2], [], 1]);
  await pair.close();
});
