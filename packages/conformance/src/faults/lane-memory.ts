import { align8, type FrameBuffer, frameBuffer } from '@busbar/core/contract';

/**
 * The shared memory of a lane: one writer, one reader, on two threads.
 *
 * | word      | written by | read by | says                                                    |
 * | --------- | ---------- | ------- | ------------------------------------------------------- |
 * | HEAD      | reader     | writer  | 8-byte units read since creation, modulo 2^32           |
 * | TAIL      | writer     | reader  | 8-byte units committed                                  |
 * | CLAIMED   | writer     | nobody  | 8-byte units claimed; only a faulty reader looks        |
 * | FRAMES    | reader     | writer  | frames read                                             |
 * | SLEEPING  | both       | writer  | 1: the reader wants to be woken                         |
 * | WAITING   | both       | reader  | 1: the writer wants to be told of room                  |
 *
 * A record is its length in bytes, 4 bytes of pad, and the frame padded to 8; a length of SKIP fills up to the end.
 */
export const HEAD = 0;
export const TAIL = 16;
export const CLAIMED = 32;
export const FRAMES = 48;
export const SLEEPING = 64;
export const WAITING = 80;

const DATA_OFFSET = 512;
export const CAPACITY = 1_048_576;
export const UNIT = 8;
export const RECORD_WORDS_BYTES = 8;
export const SKIP = -1;

export interface LaneMemory {
  readonly shared: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly data: FrameBuffer;
}

export function laneMemory(shared: SharedArrayBuffer = new SharedArrayBuffer(DATA_OFFSET + CAPACITY)): LaneMemory {
  return {
    shared,
    words: new Int32Array(shared, 0, DATA_OFFSET >> 2),
    data: frameBuffer(shared, DATA_OFFSET, CAPACITY),
  };
}

/** Bytes of the record of a frame. */
export function recordBytes(length: number): number {
  return RECORD_WORDS_BYTES + align8(length);
}

/** Where a position lies in the data. */
export function offsetOf(units: number): number {
  return ((units >>> 0) % (CAPACITY / UNIT)) * UNIT;
}
