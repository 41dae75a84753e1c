import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';
import { PREFIX_BYTES, parser } from './parser.ts';

/** One message to and fro over a plain `net.Socket`: length prefix, parsed on both sides, one write each. */
export const program: Program = {
  async serve({ directory, pair }) {
    const server = createServer((socket) => {
      const parse = parser((bytes, start, end) => socket.write(bytes.subarray(start - PREFIX_BYTES, end)));
      socket.on('data', parse);
    });
    await once(server.listen(path.join(directory, `floor-${pair}`)), 'listening');
  },

  async drive({ directory, pair, size }) {
    const socket = connect(path.join(directory, `floor-${pair}`));
    await once(socket, 'connect');
    const message = Buffer.alloc(PREFIX_BYTES + size, 7);
    message.writeUInt32LE(size, 0);
    let answered = (): void => {};
    const parse = parser(() => answered());
    socket.on('data', parse);
    return (milliseconds, latencies) =>
      pingPong(milliseconds, latencies, (onAnswer) => {
        answered = onAnswer;
        return () => socket.write(message);
      });
  },
};
