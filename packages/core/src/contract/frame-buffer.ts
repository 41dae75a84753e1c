/**
 * Two views over the same bytes, built once per mapping or block, so that writing a header allocates nothing.
 * `i32[0]` and `u8[0]` are the same address; frames begin at multiples of 8 from there.
 */
export interface FrameBuffer {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  /**
   * True when a `FrameHandler` may take the buffer over by returning KEEP: its owner allots a fresh one.
   * Static read buffers and rings say false.
   */
  readonly transferable: boolean;
}

/** Views over `buffer[byteOffset, byteOffset + byteLength)`. `byteOffset` must be a multiple of 8, the length of 4. */
export function frameBuffer(
  buffer: ArrayBufferLike,
  byteOffset = 0,
  byteLength: number = buffer.byteLength - byteOffset,
  transferable = false,
): FrameBuffer {
  return {
    u8: new Uint8Array(buffer, byteOffset, byteLength),
    i32: new Int32Array(buffer, byteOffset, byteLength >> 2),
    transferable,
  };
}

/** A fresh private buffer of at least `bytes`, rounded up to the 8-byte grid. */
export function allocateFrameBuffer(bytes: number, transferable = false): FrameBuffer {
  return frameBuffer(new ArrayBuffer((bytes + 7) & ~7), 0, undefined, transferable);
}

const WORD_COPY_BYTES = 256;

/**
 * Copies `length` bytes between 8-aligned offsets. Up to 256 bytes word by word, eight a round (11 ns for 64 bytes, 17
 * without the rounds), above by `set` (a view and a native call cost ~50 ns whatever the size). Never through
 * Float64Array: NaN bits would change.
 *
 * | allocates               | blocks | syscalls | callable from |
 * | one view above 256 bytes | no     | 0        | any thread    |
 */
export function copyAligned(
  from: FrameBuffer,
  fromOffset: number,
  to: FrameBuffer,
  toOffset: number,
  length: number,
): void {
  if (length > WORD_COPY_BYTES) {
    to.u8.set(from.u8.subarray(fromOffset, fromOffset + length), toOffset);
    return;
  }
  const source = from.i32;
  const target = to.i32;
  let read = fromOffset >> 2;
  let write = toOffset >> 2;
  const end = read + (length >> 2);
  for (; read + 8 <= end; read += 8, write += 8) {
    target[write] = source[read];
    target[write + 1] = source[read + 1];
    target[write + 2] = source[read + 2];
    target[write + 3] = source[read + 3];
    target[write + 4] = source[read + 4];
    target[write + 5] = source[read + 5];
    target[write + 6] = source[read + 6];
    target[write + 7] = source[read + 7];
  }
  while (read < end) target[write++] = source[read++];
  for (let i = length & ~3; i < length; i++) to.u8[toOffset + i] = from.u8[fromOffset + i];
}
