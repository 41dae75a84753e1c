/** A participant whose worker thread spins: answers each `ping` by a `pong`, in the handler; says how many turns it had. */
import { parentPort, workerData } from 'node:worker_threads';
import { createBus } from '@busbar/core';
import { shm } from '@busbar/transport-shm';

const bus = await createBus({ name: 'spinner', directory: workerData.directory, plugins: [shm()], spin: true });
const pong = bus.publisher('pong');
let ticks = 0;
const timer = setInterval(() => ticks++, 1);
bus.serve('ticks', () => ticks);
await bus.subscribe('ping', ({ data }) => {
  if (pong.send(data) !== 0) throw new Error('no room');
}).ready;
parentPort.on('message', async () => {
  clearInterval(timer);
  await bus.close();
  parentPort.close();
});
parentPort.postMessage('up');
