import { isMainThread, parentPort } from 'node:worker_threads';
import { Host } from './host.ts';
import type { FromPeer, ToPeer } from './wire.ts';

/** The peer program: a forked process or a worker thread that does what the harness says, and ends with it. */
function post(message: FromPeer): void {
  // A channel that has closed means the harness is gone, and this peer on its way out.
  if (!isMainThread) parentPort?.postMessage(message);
  else if (process.connected) process.send?.(message);
}

const host = new Host(post);

if (isMainThread) {
  process.on('message', (message: ToPeer) => host.take(message));
  process.on('disconnect', () => process.exit());
} else {
  parentPort?.on('message', (message: ToPeer) => host.take(message));
}

post({ op: 'ready' });
