import path from 'node:path';
import { OK } from '@busbar/core/contract';
import { LogWriter } from '@busbar/log';
import { available } from '@busbar/native';
import type { Program } from '../program.ts';

/** One record at a time, until it is on the disk. */
export const program: Program = {
  async drive({ directory, size }) {
    await available();
    const writer = LogWriter.open(path.join(directory, 'log'));
    if (writer === undefined) throw new Error('somebody else writes there');
    let synced = (): void => {};
    writer.onSynced(() => synced());
    return async (milliseconds, latencies) => {
      let count = 0;
      for (const end = performance.now() + milliseconds; performance.now() < end; count++) {
        const begin = performance.now();
        if (writer.claim(size) !== OK) throw writer.trouble ?? new Error('no room');
        writer.commit(size, count);
        await new Promise<void>((resolve) => {
          synced = resolve;
          writer.sync();
        });
        latencies.record((performance.now() - begin) * 1e6);
      }
      return count;
    };
  },
};
