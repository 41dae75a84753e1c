import { StreamReader } from '@busbar/log';
import { available, createDoorbell, openSharedMemory } from '@busbar/native';

/** Offset of the word, 32 bits, that counts what was read. */
export const READ = 0;

export const actions = {
  /**
   * Reads the stream in `directory`, sleeps when there is nothing, and counts in the memory of process `pid`. Returns where
   * the bell is that wakes it.
   */
  async follow(directory: string, pid: number, descriptor: number): Promise<{ pid: number; bell: number }> {
    await available();
    const words = new Int32Array(openSharedMemory(pid, descriptor, 4096).buffer);
    const reader = new StreamReader(directory);
    const read = (): void => {
      do {
        for (let length = reader.next(); length !== 0; length = reader.next()) {
          if (length < 0) throw reader.damage;
          Atomics.add(words, READ, 1);
        }
      } while (!reader.announceSleep());
    };
    const bell = createDoorbell(read);
    read();
    return { pid: process.pid, bell: bell.descriptor };
  },
};
