import { between, random } from '@busbar/conformance/campaigns';
import { type FrameBuffer, frameBuffer, OK } from '@busbar/core/contract';
import { available, openSharedMemory } from '@busbar/native';
import { checkRing, MappedWords, RingWriter, ringBytes } from '@busbar/ring';
import { CAPACITY } from '../ring/checked-ring.ts';
import { sealedFrame } from '../ring/sealed-frame.ts';

const FRAMES_A_TURN = 100;
/** After each frame that is published, or finds no room, at most. Some frames must stay whole. */
const MOST_REWRITES = 3;
/**
 * The latest frames are rewritten, those that the reader has still to copy, is copying, and has just copied; not so many
 * that others lie in their place by now, whose length words would be hit.
 */
const LATEST_BYTES = CAPACITY / 2;
const LONGEST_REWRITE_BYTES = 64;
const HEADER_BYTES = 400;
const RECORD_HEADER_BYTES = 8;
const ILLEGAL_LENGTH = 2 ** 30;
const FLICKERS = 50_000;

/** Numbers come again: what is sealed anew each time would leave no time to rewrite. */
const FRAMES = Array.from({ length: 240 }, (_, number) => sealedFrame(number));

let running = false;

/** A frame in the ring: where it begins, behind its length word, and its bytes. */
interface Placed {
  readonly offset: number;
  readonly length: number;
}

export const actions = {
  /**
   * Writes sealed frames into the ring of process `pid` until `stop`, and rewrites them all the time: their payloads
   * and headers, rarely the length words before them, rarer still the ring's header. Returns how often.
   */
  async rewrite(pid: number, descriptor: number, seed: number): Promise<number> {
    running = true;
    await available();
    const shared = openSharedMemory(pid, descriptor, ringBytes(CAPACITY));
    const memory = frameBuffer(shared.buffer);
    const words = new MappedWords(memory.i32);
    const writer = new RingWriter(words, checkRing(words, shared.bytes, 1));
    const next = random(seed);
    const latest: Placed[] = [];
    let latestBytes = 0;
    let rewrites = 0;
    for (let number = 0; running; ) {
      for (let turns = 0; turns < FRAMES_A_TURN; turns++) {
        const { frame, length } = FRAMES[number % FRAMES.length];
        if (writer.claim(length) === OK) {
          memory.u8.set(frame.u8.subarray(0, length), writer.offset);
          latest.push({ offset: writer.offset, length });
          for (latestBytes += length; latestBytes > LATEST_BYTES; ) latestBytes -= latest.shift()?.length ?? 0;
          writer.stage(length);
          writer.publish();
          number++;
        }
        for (let i = between(next, 0, MOST_REWRITES); i > 0; i--, rewrites++) rewriteSome(memory, latest, next);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    shared.close();
    return rewrites;
  },

  stop(): void {
    running = false;
  },
};

function rewriteSome({ u8, i32 }: FrameBuffer, latest: readonly Placed[], next: () => number): void {
  const { offset, length } = latest[between(next, 0, latest.length - 1)];
  const dice = next();
  if (dice < 0.99994) {
    const at = offset + (dice < 0.2 ? between(next, 0, 39) : between(next, 0, length - 1));
    const bytes = Math.min(between(next, 1, LONGEST_REWRITE_BYTES), offset + length - at);
    // What another frame has in that place makes a mixture of two; anything else is noise.
    const other = latest[between(next, 0, latest.length - 1)];
    if (dice < 0.6) u8.copyWithin(at, other.offset + (at - offset), other.offset + (at - offset) + bytes);
    else u8.fill(between(next, 0, 255), at, at + bytes);
  } else if (dice < 0.999996) {
    // A reader that looks at the length twice sees two.
    const word = (offset - RECORD_HEADER_BYTES) >> 2;
    for (let i = 0; i < FLICKERS; i++) {
      i32[word] = ILLEGAL_LENGTH;
      i32[word] = length;
    }
  } else if (dice < 0.999998) u8[offset - RECORD_HEADER_BYTES + between(next, 0, 3)] = between(next, 0, 255);
  else u8[between(next, 0, HEADER_BYTES - 1)] = between(next, 0, 255);
}
