import { fdatasync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { allocateFile, available } from '@busbar/native';
import type { Program } from '../program.ts';

const BYTES = 16 * 1024 * 1024;
const toDisk = promisify(fdatasync);

/** The plainest program that brings bytes to the disk: write, fdatasync, in a file that is allotted. */
export const program: Program = {
  async drive({ directory, size }) {
    await available();
    const file = path.join(directory, 'file');
    const fd = openSync(file, 'w+');
    allocateFile(fd, BYTES, file);
    const payload = new Uint8Array(size).fill(7);
    let at = 0;
    return async (milliseconds, latencies) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count++) {
        const begin = performance.now();
        writeSync(fd, payload, 0, size, at);
        at = at + 2 * size > BYTES ? 0 : at + size;
        await toDisk(fd);
        latencies.record((performance.now() - begin) * 1e6);
      }
      return count;
    };
  },
};
