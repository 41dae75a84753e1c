// In a worker thread, which has memory open, too: posts the descriptor of a doorbell, and each of its rings; ends as
// it is told.
import { parentPort } from 'node:worker_threads';
import { available, createDoorbell, createSharedMemory } from '@busbar/native';

await available();
const doorbell = createDoorbell(() => parentPort.postMessage('rung'));
parentPort.on('message', (end) => {
  if (end === 'exit') process.exit(5);
  doorbell.close();
  memory.close();
  parentPort.close();
});
const memory = createSharedMemory('worker', 4096);
parentPort.postMessage(doorbell.descriptor);
