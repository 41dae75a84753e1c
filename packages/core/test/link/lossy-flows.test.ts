import { expect, test } from 'vitest';
import type { Policy } from '../../src/selector/policy.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

const lossyFirst: Policy = { name: 'lossy first', borders: [], prefer: () => ({ prefer: ['green'], reason: 'test' }) };

test('best-effort stays off a lossy medium for what came last, though an earlier one was sent again since', async () => {
  const [red, blue, green] = [new Fabric('red'), new Fabric('blue'), new Fabric('green', { lossless: false })];
  const pair = await Pair.create([red, blue, green], { policy: lossyFirst });
  const { a, b } = pair;
  const seen: number[] = [];
  b.bus.subscribe('t', ({ data }) => void seen.push(data as number));
  await turn();
  for (const [number, via] of ['red', 'blue'].entries()) void a.bus.publish('t', number, { via });
  await flow(red, blue);
  const reliable = [a.bus.publish('t', 2, { via: 'blue' }), a.bus.publish('t', 3, { via: 'red' })];
  laneOf(blue, 'a').break(true);
  await turn();
  await pair.clock.advance(100);
  await turn();
  laneOf(blue, 'a').deliver(1);
  await turn();
  for (const lane of [...red.lanes, ...blue.lanes]) if (lane.owner.startsWith('b')) lane.deliver(1000);
  await turn();
  await a.bus.publish('t', 4, { reliability: 'best-effort' });
  await flow(green);
  await pair.clock.advance(10);
  await flow(red, blue, green);
  await Promise.all(reliable);
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  await pair.close();
});
