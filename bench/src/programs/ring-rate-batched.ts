import { allocateFrameBuffer, copyAligned, frameBuffer, OK } from '@busbar/core/contract';
import { available, createSharedMemory, openSharedMemory } from '@busbar/native';
import { MappedWords, maxRingFrame, RingReader, RingWriter, ringBytes } from '@busbar/ring';
import type { Program } from '../program.ts';

const CAPACITY = 262_144;
const BATCH = 16;
const RELEASE_BYTES = CAPACITY / 4;
const READS_A_TURN = 100_000;
const IDLE_TURNS = 50;

interface Introduction {
  readonly pid: number;
  readonly descriptor: number;
}

/** Frames one way through a ring, published by sixteen and copied out on the other side; both sides spin. */
export const program: Program = {
  async serve({ partner }) {
    await available();
    const shared = createSharedMemory('bench', ringBytes(CAPACITY));
    const memory = frameBuffer(shared.buffer);
    const reader = new RingReader(new MappedWords(memory.i32), memory, CAPACITY);
    const frame = allocateFrameBuffer(maxRingFrame(CAPACITY));
    let expected = 0;
    let idle = 0;
    const turn = (): void => {
      const before = reader.frames;
      for (let i = 0; i < READS_A_TURN; i++) {
        if (reader.next(frame) > 0) {
          if (frame.i32[0] !== (expected++ | 0)) throw new Error(`frame ${frame.i32[0]} came for ${expected - 1}`);
          if (reader.unreleased > RELEASE_BYTES) reader.release();
        } else reader.release();
      }
      idle = reader.frames > before ? 0 : idle + 1;
      if (idle < IDLE_TURNS) setImmediate(turn);
      else setTimeout(turn, 1);
    };
    turn();
    partner.send({ pid: process.pid, descriptor: shared.descriptor } satisfies Introduction);
  },

  async drive({ partner, size }) {
    await available();
    const { pid, descriptor } = await new Promise<Introduction>((resolve) => {
      partner.onMessage((message) => resolve(message as Introduction));
    });
    const memory = frameBuffer(openSharedMemory(pid, descriptor, ringBytes(CAPACITY)).buffer);
    const writer = new RingWriter(new MappedWords(memory.i32), CAPACITY);
    const payload = allocateFrameBuffer(size);
    return async (milliseconds) => {
      const first = writer.frames;
      for (const end = performance.now() + milliseconds; performance.now() < end; ) {
        for (let i = 0; i < BATCH; i++) {
          // What is staged takes room that only its reader gives back.
          while (writer.claim(size) !== OK) writer.publish();
          payload.i32[0] = writer.frames;
          copyAligned(payload, 0, memory, writer.offset, size);
          writer.stage(size);
        }
        writer.publish();
      }
      while (writer.framesRead() < writer.frames) {}
      return writer.frames - first;
    };
  },
};
