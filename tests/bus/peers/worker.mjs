/** A participant in a worker thread: answers `double`, says what it hears. */
import { parentPort, workerData } from 'node:worker_threads';
import { createBus } from '@busbar/core';
import { memory } from '@busbar/transport-memory';
import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';

const bus = await createBus({
  name: 'worker',
  directory: workerData.directory,
  plugins: workerData.transports.map((name) => ({ memory, shm, uds })[name]()),
});
bus.serve('double', (n) => n * 2);
const subscription = bus.subscribe('to.worker', ({ data, via }) => bus.publish('from.worker', { data, via }));
await subscription.ready;
parentPort.on('message', async () => {
  await bus.close();
  parentPort.close();
});
parentPort.postMessage('up');
