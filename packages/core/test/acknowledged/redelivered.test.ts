import { expect, test } from 'vitest';
import type { Message } from '../../src/message.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

test.each([
  ['in one frame', 100],
  ['in fragments', 20_000],
])('what is sent again %s bears the mark', async (_, bytes) => {
  const red = new Fabric('red');
  const pair = await Pair.create([red]);
  const { a, b } = pair;
  const seen: Message[] = [];
  b.bus.subscribe('t', (message) => {
    seen.push(message);
    if (!message.redelivered && seen.length < 3) message.nack({ retryIn: 0 });
  });
  await turn();
  const receipt = a.bus.publish('t', new Uint8Array(bytes), { reliability: 'acknowledged' });
  await flow(red);
  expect((await receipt).deliveries).toMatchObject([{ outcome: 'processed', attempts: 2 }]);
  expect(seen.map(({ redelivered }) => redelivered)).toEqual([false, true]);
  await pair.close();
});
