import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { atEnd, joined, open, Peer, scratch } from './harness.ts';
import { record } from './recorder.mjs';

async function started(directory: string): Promise<Worker> {
  const worker = new Worker(fileURLToPath(new URL('./peers/spinner.mjs', import.meta.url)), {
    workerData: { directory },
  });
  atEnd(() => worker.terminate());
  await once(worker, 'message');
  return worker;
}

test('a spinner in a worker answers in its handler, in order, to its own process and to others', async () => {
  const directory = scratch();
  await started(directory);
  const bus = await open({ directory, transports: ['shm'] });
  const peer = await Peer.open({ name: 'other', directory, transports: ['shm'] });
  await joined(bus, 'spinner');
  const heard = record<number>(bus, 'pong');
  await heard.subscription.ready;
  const ping = bus.publisher('ping');
  for (let n = 0; n < 2000; n++) while (ping.send(n) !== 0) await ping.writable();
  await heard.reach(2000);
  expect(heard.data).toEqual(Array.from({ length: 2000 }, (_, n) => n));
  await peer.run(({ bus: own }) => own.publish('ping', 'from another process'));
  await heard.reach(2001);
  expect(heard.data.at(-1)).toBe('from another process');
  expect(heard.messages.every(({ via }) => via === 'shm')).toBe(true);
});

test('its event loop has its turns: timers run, requests are answered, it closes in order', async () => {
  const directory = scratch();
  const worker = await started(directory);
  const bus = await open({ directory, transports: ['shm'] });
  await joined(bus, 'spinner');
  const first = await bus.request<unknown, number>('ticks', null);
  let ticks = first;
  while (ticks < first + 5) ticks = await bus.request<unknown, number>('ticks', null);
  const left = new Promise((resolve) => bus.on('leave', resolve));
  const exit = once(worker, 'exit');
  worker.postMessage('close');
  expect(await left).toMatchObject({ name: 'spinner' });
  expect(await exit).toEqual([0]);
});
