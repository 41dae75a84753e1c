import { openSync } from 'node:fs';
import path from 'node:path';
import { align8, allocateFrameBuffer, copyAligned, frameBuffer } from '@busbar/core/contract';
import { allocateFile, available, mapFile } from '@busbar/native';
import type { Program } from '../program.ts';

const BYTES = 128 * 1024 * 1024;
const LENGTH_BYTES = 8;
/** Bytes stored without a turn of the event loop. */
const BURST_BYTES = 131_072;

/** Plain stores into a mapped file: a length and the bytes, round and round, without checksum, sequence or end. */
export const program: Program = {
  async drive({ directory, size }) {
    await available();
    const file = path.join(directory, 'file');
    const fd = openSync(file, 'w+');
    allocateFile(fd, BYTES, file);
    const memory = frameBuffer(mapFile(fd, BYTES, 'read-write', file).buffer);
    const payload = allocateFrameBuffer(size);
    const bytes = LENGTH_BYTES + align8(size);
    let at = 0;
    const burst = Math.ceil(BURST_BYTES / size);
    return async (milliseconds) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count += burst) {
        for (let i = 0; i < burst; i++) {
          copyAligned(payload, 0, memory, at + LENGTH_BYTES, size);
          Atomics.store(memory.i32, at >> 2, size);
          at = at + 2 * bytes > BYTES ? 0 : at + bytes;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      return count;
    };
  },
};
