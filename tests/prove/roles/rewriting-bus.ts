import { setTimeout } from 'node:timers/promises';
import { between, random } from '@busbar/conformance/campaigns';
import { createBus, OK } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { type SealedFrame, sealing } from '../ring/sealing-sender.ts';
import { SILENT } from '../silent.ts';
import { contentOf } from '../stream-check.ts';

/** Of the frames that are rewritten: the latest, all within half of a ring, so that nothing else lies in their place. */
const LATEST_BYTES = 131_072;
const REWRITES_A_TURN = 500;
const MESSAGES_A_TURN = 20;
const SIZES = [100, 1_000, 16, 9_000, 100, 300, 100_000, 40];
const LONGEST_REWRITE_BYTES = 64;
const RECORD_HEADER_BYTES = 8;
const HEADER_LENGTH_WORD = 3;
const LOOK_MS = 1;

interface Target extends SealedFrame {
  readonly headerLength: number;
  /** The one byte of its header that is rewritten; undefined: its payload is. */
  readonly headerByte: number | undefined;
}

let running = false;
let latest: Target[] = [];
let latestBytes = 0;

function remember(frame: SealedFrame, next: () => number): void {
  const headerLength = frame.memory.i32[(frame.offset >> 2) + HEADER_LENGTH_WORD] >>> 16;
  const headerByte = next() < 0.3 || headerLength === frame.length ? between(next, 0, headerLength - 1) : undefined;
  latest.push({ ...frame, headerLength, headerByte });
  for (latestBytes += frame.length; latestBytes > LATEST_BYTES; ) latestBytes -= latest.shift()?.length ?? 0;
}

/**
 * Of each frame either one byte of the header or the payload: a header may lose its flag CHECKSUM, and what no longer
 * asks to be checked must be what it was.
 */
function rewriteSome(next: () => number): void {
  const { memory, offset, length, headerLength, headerByte } = latest[between(next, 0, latest.length - 1)];
  if (next() < 0.000_01) memory.u8[offset - RECORD_HEADER_BYTES + between(next, 0, 3)] = between(next, 0, 255);
  else if (headerByte !== undefined) memory.u8[offset + headerByte] = between(next, 0, 255);
  else {
    const at = offset + between(next, headerLength, length - 1);
    memory.u8.fill(between(next, 0, 255), at, Math.min(at + between(next, 1, LONGEST_REWRITE_BYTES), offset + length));
  }
}

/** A participant whose frames bear checksums, and which rewrites them where they lie. */
export const actions = {
  /** Joins, sends and rewrites until `leave`, and closes. `calm`: messages before the first rewrite. */
  async join(directory: string, name: string, seed: number, calm: number): Promise<void> {
    const next = random(seed);
    latest = [];
    latestBytes = 0;
    running = true;
    const bus = await createBus({
      logger: SILENT,
      name,
      directory,
      plugins: [sealing(shm(), (frame) => remember(frame, next))],
    });
    const publishers = [bus.publisher('rewritten.even'), bus.publisher('rewritten.odd')];
    while (running && bus.explain('rewritten.odd', 100).length === 0) await setTimeout(LOOK_MS);
    for (let number = 0; running; ) {
      for (let i = 0; i < MESSAGES_A_TURN; i++) {
        if (publishers[number % 2].send(contentOf(0, number, SIZES[number % SIZES.length])) !== OK) break;
        number++;
      }
      if (number > calm && latest.length > 0) for (let i = 0; i < REWRITES_A_TURN; i++) rewriteSome(next);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await bus.close();
  },

  leave(): void {
    running = false;
  },
};
