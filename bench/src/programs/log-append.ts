import path from 'node:path';
import { allocateFrameBuffer, copyAligned, OK } from '@busbar/core/contract';
import { LogWriter } from '@busbar/log';
import { available } from '@busbar/native';
import type { Program } from '../program.ts';

/** Bytes appended without a turn of the event loop. */
const BURST_BYTES = 131_072;
const RETENTION = { bytes: 128 * 1024 * 1024 };

/** Records appended to a log, for nobody. */
export const program: Program = {
  async drive({ directory, size }) {
    await available();
    const writer = LogWriter.open(path.join(directory, 'log'), { retention: RETENTION });
    if (writer === undefined) throw new Error('somebody else writes there');
    const payload = allocateFrameBuffer(size);
    const burst = Math.ceil(BURST_BYTES / size);
    return async (milliseconds) => {
      const first = writer.last;
      for (const end = performance.now() + milliseconds; performance.now() < end; ) {
        const time = Date.now();
        for (let i = 0; i < burst; i++) {
          if (writer.claim(size) !== OK) throw writer.trouble ?? new Error('no room');
          copyAligned(payload, 0, writer.frame, writer.offset, size);
          writer.commit(size, time);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      return writer.last - first;
    };
  },
};
