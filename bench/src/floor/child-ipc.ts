import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';
import { OBJECT } from '../programs/object.ts';

/** An object to and fro over the channel of `fork`, by `process.send` as it is by default: as JSON. */
export const program: Program = {
  async drive() {
    const child = fork(fileURLToPath(new URL('./child-ipc-echo.js', import.meta.url)), { serialization: 'json' });
    child.send(OBJECT);
    await once(child, 'message');
    let answered = (): void => {};
    child.on('message', () => answered());
    return (milliseconds, latencies) =>
      pingPong(milliseconds, latencies, (onAnswer) => {
        answered = onAnswer;
        return () => void child.send(OBJECT);
      });
  },
};
