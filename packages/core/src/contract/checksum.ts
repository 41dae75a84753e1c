import { crc32 } from 'node:zlib';
import type { FrameBuffer } from './frame-buffer.ts';
import { FLAG, HEADER_BYTES, WHOLE } from './frame-layout.ts';

/**
 * F10: CRC-32 (the polynomial of zlib) over the frame with its checksum word 0. The sender computes it from its own
 * private bytes, the receiver verifies it on its private copy; over shared memory it would bless corruption.
 */

/** Offset of the checksum word from the start of the frame. */
function checksumOffset(flags: number): number {
  return HEADER_BYTES + ((flags & WHOLE) !== WHOLE ? 8 : 0) + ((flags & FLAG.EXPIRY) !== 0 ? 8 : 0);
}

function compute(buffer: FrameBuffer, offset: number, length: number, word: number): number {
  const before = buffer.u8.subarray(offset, offset + word);
  const after = buffer.u8.subarray(offset + word + 4, offset + length);
  return crc32(after, crc32(ZERO_WORD, crc32(before)));
}

const ZERO_WORD = new Uint8Array(4);

/** Fills in the checksum of the finished frame at `offset`, whose header carries flag CHECKSUM. */
export function sealChecksum(buffer: FrameBuffer, offset: number, length: number, flags: number): void {
  const word = checksumOffset(flags);
  buffer.i32[(offset + word) >> 2] = compute(buffer, offset, length, word);
}

/** True when the frame's checksum is right. Only for frames whose header was read without complaint. */
export function verifyChecksum(buffer: FrameBuffer, offset: number, length: number, flags: number): boolean {
  const word = checksumOffset(flags);
  return buffer.i32[(offset + word) >> 2] >>> 0 === compute(buffer, offset, length, word);
}
