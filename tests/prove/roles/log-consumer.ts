import { Cursor, LogReader } from '@busbar/log';
import { available, openSharedMemory } from '@busbar/native';
import { isRecordContent } from '../log/record-content.ts';

/** Records that are handled out of their order, and before one state of the cursor and the next. */
const BATCH = 7;

/** Counts, at the beginning of the memory, what it was given and nobody had appended. The rest is a byte for each sequence. */
export const WRONG = 0;
export const HANDLED_BYTES = 65_536;

export const actions = {
  /**
   * Handles records of the log in `directory`, from where the cursor is, until it is killed: counts each in the memory of
   * process `pid`, and says afterwards that it is done, the last of a batch first.
   */
  async handle(directory: string, file: string, pid: number, descriptor: number): Promise<void> {
    await available();
    const handled = new Uint8Array(openSharedMemory(pid, descriptor, HANDLED_BYTES).buffer);
    const cursor = Cursor.open(file);
    if (cursor === undefined) throw new Error(`somebody else has ${file}`);
    const reader = new LogReader(directory, cursor.floor + 1);
    let batch: number[] = [];
    for (;;) {
      const length = reader.next();
      if (length < 0) throw reader.damage;
      if (length > 0 && !cursor.isDone(reader.sequence)) {
        cursor.attempt(reader.sequence);
        const frame = reader.frame.u8.subarray(reader.offset, reader.offset + length);
        if (isRecordContent(reader.sequence, frame)) handled[reader.sequence]++;
        else handled[WRONG]++;
        batch.push(reader.sequence);
      }
      if (batch.length < BATCH && length > 0) continue;
      for (const sequence of batch.reverse()) {
        cursor.done(sequence);
        cursor.commit();
      }
      batch = [];
      if (length <= 0) await new Promise((resolve) => setImmediate(resolve));
    }
  },
};
