import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { Packr } from 'msgpackr';
import type { Program } from '../program.ts';
import { OBJECT } from '../programs/object.ts';
import { PREFIX_BYTES, parser } from './parser.ts';

/** Objects one way over a plain `net.Socket`: packed, length prefix, 64 KiB a write, every one unpacked. */
const WRITE_BYTES = 65_536;
/** More than one object takes. */
const SPARE_BYTES = 256;
const packr = new Packr({ useRecords: false });

export const program: Program = {
  async serve({ directory, pair }) {
    const server = createServer((socket) => {
      const parse = parser((bytes, start, end) => {
        // Nothing at all asks for an answer of one byte when everything before has been unpacked.
        if (start === end) socket.write('.');
        else if (packr.unpack(bytes.subarray(start, end)).id !== OBJECT.id) throw new Error('not what was sent');
      });
      socket.on('data', parse);
    });
    await once(server.listen(path.join(directory, `floor-${pair}`)), 'listening');
  },

  async drive({ directory, pair }) {
    const socket = connect(path.join(directory, `floor-${pair}`));
    await once(socket, 'connect');
    // Free again for every batch: the one before has left.
    const batch = Buffer.allocUnsafe(WRITE_BYTES);
    return async (milliseconds) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; ) {
        let at = 0;
        for (; at < WRITE_BYTES - SPARE_BYTES; count++) {
          const bytes = packr.pack(OBJECT);
          batch.writeUInt32LE(bytes.length, at);
          batch.set(bytes, at + PREFIX_BYTES);
          at += PREFIX_BYTES + bytes.length;
        }
        socket.write(batch.subarray(0, at));
        if (socket.writableLength > 0) await once(socket, 'drain');
      }
      socket.write(Buffer.alloc(PREFIX_BYTES));
      await once(socket, 'data');
      return count;
    };
  },
};
