import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';
import { OBJECT } from '../programs/object.ts';

/** An object to and fro over a `MessagePort` between two threads of one process: a structured clone each way. */
export const program: Program = {
  async drive() {
    const { port1: port, port2: theirs } = new MessageChannel();
    new Worker(new URL('./message-port-echo.js', import.meta.url), { workerData: theirs, transferList: [theirs] });
    port.postMessage(OBJECT);
    await once(port, 'message');
    let answered = (): void => {};
    port.on('message', () => answered());
    return (milliseconds, latencies) =>
      pingPong(milliseconds, latencies, (onAnswer) => {
        answered = onAnswer;
        return () => port.postMessage(OBJECT);
      });
  },
};
