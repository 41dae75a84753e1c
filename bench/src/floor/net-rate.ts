import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import type { Program } from '../program.ts';
import { PREFIX_BYTES, parser } from './parser.ts';

/** Payloads that begin with a u32 sequence, one way over a plain `net.Socket`: length prefix, 64 KiB a write. */
const WRITE_BYTES = 65_536;
/** As a sequence: answer one byte when everything before has been parsed. */
const LAST = 0xffff_ffff;

export const program: Program = {
  async serve({ directory, pair }) {
    const server = createServer((socket) => {
      let expected = 0;
      const parse = parser((bytes, start) => {
        const sequence = bytes.readUInt32LE(start);
        if (sequence === LAST) socket.write('.');
        else if (sequence !== expected++) throw new Error(`message ${sequence} came for ${expected - 1}`);
      });
      socket.on('data', parse);
    });
    await once(server.listen(path.join(directory, `floor-${pair}`)), 'listening');
  },

  async drive({ directory, pair, size }) {
    const socket = connect(path.join(directory, `floor-${pair}`));
    await once(socket, 'connect');
    const payload = Buffer.alloc(size, 7);
    const perWrite = Math.max(1, Math.floor(WRITE_BYTES / (PREFIX_BYTES + size)));
    // Free again for every batch: the one before has left. A large message lies there once and for all.
    const batch = Buffer.alloc(perWrite * (PREFIX_BYTES + size), 7);
    let next = 0;
    return async (milliseconds) => {
      const first = next;
      for (const end = performance.now() + milliseconds; performance.now() < end; ) {
        for (let at = 0; at < batch.length; at += size) {
          batch.writeUInt32LE(size, at);
          at += PREFIX_BYTES;
          if (perWrite > 1) batch.set(payload, at);
          batch.writeUInt32LE(next++, at);
        }
        socket.write(batch);
        if (socket.writableLength > 0) await once(socket, 'drain');
      }
      socket.write(Buffer.from([4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
      await once(socket, 'data');
      return next - first;
    };
  },
};
