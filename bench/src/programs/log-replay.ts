import path from 'node:path';
import { OK } from '@busbar/core/contract';
import { LogReader, LogWriter } from '@busbar/log';
import { available } from '@busbar/native';
import type { Program } from '../program.ts';

const BYTES = 64 * 1024 * 1024;
/** Read between two looks at the clock. */
const BATCH = 1000;

/** Records read from a log, from its start to its end, again and again: copied out, and checked. */
export const program: Program = {
  async drive({ directory, size }) {
    await available();
    const log = path.join(directory, 'log');
    const writer = LogWriter.open(log);
    if (writer === undefined) throw new Error('somebody else writes there');
    for (let bytes = 0; bytes < BYTES; bytes += size) {
      if (writer.claim(size) !== OK) throw writer.trouble ?? new Error('no room');
      writer.commit(size, bytes);
    }
    await writer.close();
    let reader = new LogReader(log);
    return async (milliseconds) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count += BATCH) {
        for (let i = 0; i < BATCH; i++) {
          if (reader.next() > 0) continue;
          if (reader.damage !== undefined) throw reader.damage;
          reader.close();
          reader = new LogReader(log);
        }
      }
      return count;
    };
  },
};
