import {
  allocateFrameBuffer,
  type FrameBuffer,
  FrameHeader,
  HEADER_BYTES,
  KIND,
  NORMAL,
  writeFrameHeader,
} from '@busbar/core/contract';

/**
 * What a test frame holds: every byte follows from (sender, stream, sequence), so that a frame delivered in the place
 * of another is seen even when it is whole. A checksum would call such a frame good.
 */
export interface Stream {
  /** Names the stream among its sender's; becomes the topic id. */
  readonly stream: number;
  /** Payload bytes of frame n: `sizes[n % sizes.length]`. */
  readonly sizes: readonly number[];
}

/** Bytes of frame `sequence`, header included. */
export function frameLength(stream: Stream, sequence: number): number {
  return HEADER_BYTES + stream.sizes[sequence % stream.sizes.length];
}

/** 32 bits of a participant's id: the sender, as its frames name it. */
export function senderNumber(id: string): number {
  return Number.parseInt(id.slice(0, 8), 16);
}

const GOLDEN_RATIO = 0x9e3779b1 | 0;

function seedOf(sender: number, stream: number, sequence: number): number {
  let seed = Math.imul(sender ^ Math.imul(stream + 1, 0x85ebca6b), 0xc2b2ae35) ^ Math.imul(sequence + 1, GOLDEN_RATIO);
  seed ^= seed >>> 15;
  return Math.imul(seed, 0x2c1b3c6d) ^ (seed >>> 12);
}

const header = Object.assign(new FrameHeader(), { kind: KIND.EVENT, priority: NORMAL });

/** Writes frame `sequence` of the stream at `offset`. */
export function writeFrame(
  buffer: FrameBuffer,
  offset: number,
  sender: number,
  stream: Stream,
  sequence: number,
): void {
  writeHead(buffer, offset, sender, stream, sequence);
  writeBody(buffer, offset, sender, stream, sequence);
}

function writeHead(buffer: FrameBuffer, offset: number, sender: number, stream: Stream, sequence: number): void {
  header.length = frameLength(stream, sequence);
  header.topicId = stream.stream;
  header.sequence = sequence;
  header.messageId = sender;
  writeFrameHeader(buffer, offset, header);
}

function writeBody(buffer: FrameBuffer, offset: number, sender: number, stream: Stream, sequence: number): void {
  const seed = seedOf(sender, stream.stream, sequence);
  const bytes = stream.sizes[sequence % stream.sizes.length];
  const start = offset + HEADER_BYTES;
  const words = bytes >> 2;
  const at = start >> 2;
  for (let i = 0; i < words; i++) buffer.i32[at + i] = Math.imul(i + 1, GOLDEN_RATIO) ^ seed;
  const last = Math.imul(words + 1, GOLDEN_RATIO) ^ seed;
  for (let i = words * 4; i < bytes; i++) buffer.u8[start + i] = last >>> ((i & 3) * 8);
}

/** Where the frame at `offset` differs from frame `sequence` of the stream: a byte offset, or -1. */
export function firstDifference(
  buffer: FrameBuffer,
  offset: number,
  length: number,
  sender: number,
  stream: Stream,
  sequence: number,
): number {
  const expected = frameLength(stream, sequence);
  if (length !== expected) return Math.min(length, expected);
  writeHead(HEAD, 0, sender, stream, sequence);
  const at = offset >> 2;
  for (let i = 0; i < HEADER_BYTES >> 2; i++) if (buffer.i32[at + i] !== HEAD.i32[i]) return i * 4;
  const seed = seedOf(sender, stream.stream, sequence);
  const body = at + (HEADER_BYTES >> 2);
  const words = (length - HEADER_BYTES) >> 2;
  for (let i = 0; i < words; i++) {
    if (buffer.i32[body + i] !== (Math.imul(i + 1, GOLDEN_RATIO) ^ seed)) return HEADER_BYTES + i * 4;
  }
  const last = Math.imul(words + 1, GOLDEN_RATIO) ^ seed;
  for (let i = HEADER_BYTES + words * 4; i < length; i++) {
    if (buffer.u8[offset + i] !== ((last >>> ((i & 3) * 8)) & 0xff)) return i;
  }
  return -1;
}

const HEAD = allocateFrameBuffer(HEADER_BYTES);
