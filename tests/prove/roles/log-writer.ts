import { OK } from '@busbar/core/contract';
import { LogWriter } from '@busbar/log';
import { available, openSharedMemory } from '@busbar/native';
import { fillRecord } from '../log/record-content.ts';

/** Records between two turns of the event loop, in which syncs come to their end. */
const RECORDS_A_TURN = 20;

/** Offsets of the words in which it says how far it is, as float64. */
export const COMMITTED = 0;
export const SYNCED = 1;

export const actions = {
  /**
   * Appends records of `sizes` by turns to the log in `directory` until it is killed, and says in the memory of process `pid`
   * which was committed last, and which are on the disk. Each frame is written `times` over, to be caught in the middle.
   */
  async append(
    directory: string,
    segmentBytes: number,
    sizes: readonly number[],
    times: number,
    pid: number,
    descriptor: number,
  ): Promise<void> {
    await available();
    const told = new Float64Array(openSharedMemory(pid, descriptor, 4096).buffer);
    const retention = { bytes: 4 * segmentBytes };
    const writer = LogWriter.open(directory, { segmentBytes, retention });
    if (writer === undefined) throw new Error(`somebody else writes ${directory}`);
    writer.onSynced(() => {
      told[SYNCED] = writer.synced;
    });
    for (;;) {
      const sequence = writer.last + 1;
      const size = sizes[sequence % sizes.length];
      if (writer.claim(size) !== OK) throw writer.trouble ?? new Error('no room');
      const frame = writer.frame.u8.subarray(writer.offset, writer.offset + size);
      for (let i = 0; i < times; i++) fillRecord(sequence, frame);
      writer.commit(size, sequence);
      told[COMMITTED] = sequence;
      if (sequence % RECORDS_A_TURN !== 0) continue;
      writer.sync();
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
};
