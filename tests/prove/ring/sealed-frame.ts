import {
  encodeFrame,
  FLAG,
  type FrameBuffer,
  FrameHeader,
  frameBuffer,
  KIND,
  readFrameHeader,
  sealChecksum,
  verifyChecksum,
  WHOLE,
} from '@busbar/core/contract';

const FLAGS = WHOLE | FLAG.CHECKSUM;

const header = new FrameHeader();

/** Bytes of the payload of frame `number`, a multiple of 4; all copies and their word-wise and block-wise ways occur. */
function payloadBytes(number: number): number {
  return [16, 200, 1000, 64, 8000, 32][number % 6];
}

function word(number: number, index: number): number {
  return Math.imul(number * 8191 + index + 1, 0x9e37_79b1);
}

/** Frame `number`: its payload follows from the number, its checksum was computed over these private bytes. */
export function sealedFrame(number: number): { readonly frame: FrameBuffer; readonly length: number } {
  const words = Int32Array.from({ length: payloadBytes(number) / 4 }, (_, index) => word(number, index));
  const payload = new Uint8Array(words.buffer);
  const bytes = encodeFrame({ kind: KIND.EVENT, flags: FLAGS, sequence: number, payload });
  const frame = frameBuffer(bytes.buffer);
  const [length] = frame.i32;
  sealChecksum(frame, 0, length, FLAGS);
  return { frame, length };
}

/**
 * What becomes of a frame where checksums are asked for: `rejected` when it is malformed, has no checksum, or another
 * one than it should; `right` when it is one that `sealedFrame` made; `mixed` when it was accepted and is none.
 */
export function judged(frame: FrameBuffer, length: number): 'rejected' | 'right' | 'mixed' {
  if (readFrameHeader(frame, 0, length, header) !== '' || (header.flags & FLAG.CHECKSUM) === 0) return 'rejected';
  if (!verifyChecksum(frame, 0, length, header.flags)) return 'rejected';
  const { sequence, headerLength, kind } = header;
  if (kind !== KIND.EVENT || length !== headerLength + payloadBytes(sequence)) return 'mixed';
  for (let at = headerLength >> 2, index = 0; at < length >> 2; at++, index++) {
    if (frame.i32[at] !== word(sequence, index)) return 'mixed';
  }
  return 'right';
}
