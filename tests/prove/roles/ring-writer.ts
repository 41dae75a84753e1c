import { frameBuffer, OK } from '@busbar/core/contract';
import { available, openSharedMemory } from '@busbar/native';
import { checkRing, MappedWords, RingWriter, ringBytes } from '@busbar/ring';
import { CAPACITY } from '../ring/checked-ring.ts';

/** Frames between two turns of the event loop, in which the order to end is heard. */
const FRAMES_A_TURN = 1000;

export const actions = {
  /**
   * Writes `count` frames into the ring of process `pid`: sizes by turns, every word of frame n is n, published by `batch`. Each
   * frame is written `times` over before it is published, to be caught in the middle.
   */
  async write(
    pid: number,
    descriptor: number,
    sizes: readonly number[],
    count: number,
    batch: number,
    times = 1,
  ): Promise<void> {
    await available();
    const shared = openSharedMemory(pid, descriptor, ringBytes(CAPACITY));
    const { i32 } = frameBuffer(shared.buffer);
    const words = new MappedWords(i32);
    const writer = new RingWriter(words, checkRing(words, shared.bytes, 1));
    for (let number = 1; number <= count; number++) {
      const size = sizes[number % sizes.length];
      while (writer.claim(size) !== OK) writer.publish();
      for (let i = 0; i < times; i++) i32.fill(number, writer.offset >> 2, (writer.offset + size) >> 2);
      writer.stage(size);
      if (number % batch === 0) writer.publish();
      if (number % FRAMES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    writer.publish();
  },
};
