/** The other thread of `message-port`. */
import { type MessagePort, workerData } from 'node:worker_threads';

const port = workerData as MessagePort;
port.on('message', (value) => port.postMessage(value));
