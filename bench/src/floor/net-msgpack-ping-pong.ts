import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { Packr } from 'msgpackr';
import { pingPong } from '../ping-pong.ts';
import type { Program } from '../program.ts';
import { OBJECT } from '../programs/object.ts';
import { PREFIX_BYTES, parser } from './parser.ts';

/** An object to and fro over a plain `net.Socket`: packed, length prefix, unpacked on both sides. */
const packr = new Packr({ useRecords: false });

function send(socket: Socket, value: unknown): void {
  const bytes = packr.pack(value);
  const message = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length);
  message.writeUInt32LE(bytes.length, 0);
  message.set(bytes, PREFIX_BYTES);
  socket.write(message);
}

function receive(socket: Socket, onValue: (value: unknown) => void): void {
  const parse = parser((bytes, start, end) => onValue(packr.unpack(bytes.subarray(start, end))));
  socket.on('data', parse);
}

export const program: Program = {
  async serve({ directory, pair }) {
    const server = createServer((socket) => receive(socket, (value) => send(socket, value)));
    await once(server.listen(path.join(directory, `floor-${pair}`)), 'listening');
  },

  async drive({ directory, pair }) {
    const socket = connect(path.join(directory, `floor-${pair}`));
    await once(socket, 'connect');
    let answered = (): void => {};
    receive(socket, () => answered());
    return (milliseconds, latencies) =>
      pingPong(milliseconds, latencies, (onAnswer) => {
        answered = onAnswer;
        return () => send(socket, OBJECT);
      });
  },
};
