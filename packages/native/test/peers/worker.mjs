// In a worker thread: posts the errno of a call on a descriptor that is none.
import { parentPort } from 'node:worker_threads';
import { available, peerCredentials } from '@busbar/native';

await available();
try {
  peerCredentials(-1);
} catch (error) {
  parentPort.postMessage(error.cause.code);
}
