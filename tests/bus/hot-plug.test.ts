import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';
import { describe, test } from 'vitest';
import { type Disturbing, whileStreaming } from './both-ways.ts';

const ROUNDS = 6;

/** The peer takes a transport away and gives it back, by turns; at least one other stays. */
const byThePeer: Disturbing = async (peer, progress) => {
  for (let round = 0; round < ROUNDS; round++) {
    await progress();
    await peer.run(async ({ bus }, name) => bus.remove(name), round % 2 === 0 ? 'shm' : 'uds');
    await progress();
    await peer.run(async ({ bus, plugin }, name) => bus.use(await plugin(name)), round % 2 === 0 ? 'shm' : 'uds');
  }
  return ROUNDS;
};

const bothAtOnce: Disturbing = async (peer, progress, bus) => {
  for (let round = 0; round < ROUNDS; round++) {
    const name = round % 2 === 0 ? 'shm' : 'uds';
    await progress();
    await Promise.all([bus.remove(name), peer.run(async ({ bus }, name) => bus.remove(name), name)]);
    await progress();
    await Promise.all([
      bus.use(name === 'shm' ? shm() : uds()),
      peer.run(async ({ bus, plugin }, name) => bus.use(await plugin(name)), name),
    ]);
  }
  return ROUNDS;
};

describe('transports come and go while both sides stream: nothing is lost, doubled or reordered', () => {
  test('at one side', async () => {
    await whileStreaming(byThePeer, ['shm', 'uds']);
  });

  test('at both sides at once', async () => {
    await whileStreaming(bothAtOnce, ['shm', 'uds']);
  });

  test('while the control connection breaks, too', async () => {
    await whileStreaming(
      async (peer, progress, bus) => {
        const cuts = peer.run(async ({ cut }) => {
          let broken = 0;
          for (let i = 0; i < 20; i++) {
            broken += cut('control');
            await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 30));
          }
          return broken;
        });
        await byThePeer(peer, progress, bus);
        return cuts;
      },
      ['shm', 'uds'],
    );
  });
});
