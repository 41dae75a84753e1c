import { BusError } from './errors.ts';
import { allocateFrameBuffer, type FrameBuffer } from './frame-buffer.ts';
import { align8, HEADER_BYTES } from './frame-layout.ts';

import type { PeerInfo } from './peer.ts';
import { type FrameHandler, KEEP } from './transport.ts';

/**
 * Cuts a byte stream into frames (F1, F5, F6), for every stream medium: sockets, pipes, io_uring.
 *
 * Complete frames are handed over where they lie in the chunk; only a frame that spans chunks is copied, into a
 * buffer allotted once its stated length has passed the limit. The next frame starts at align8(length), so a stream
 * position that is a multiple of 8 stays one. One decoder per connection.
 */
export class FrameDecoder {
  /** Frames handed over so far. */
  frames = 0;
  readonly #maxFrameLength: number;
  readonly #from: PeerInfo | undefined;
  /** The frame that spans chunks: bytes gathered, bytes wanted (header first, then the padded frame). */
  #partial: FrameBuffer = allocateFrameBuffer(HEADER_BYTES);
  #gathered = 0;
  #wanted = HEADER_BYTES;
  #readsToKeepLarge = 0;

  /**
   * `maxFrameLength` in bytes, header included; a frame over it is a protocol error before anything is allotted.
   * `from` is who sends on this connection, for the handler.
   */
  constructor(maxFrameLength: number, from?: PeerInfo) {
    this.#maxFrameLength = maxFrameLength;
    this.#from = from;
  }

  /** Bytes of an incomplete frame held back. */
  get pending(): number {
    return this.#gathered;
  }

  /**
   * Takes `chunk[start, end)` and hands over at most `limit` frames; returns the offset of the first byte not taken
   * (`end` when all were). Bytes not taken must be offered again before anything newer.
   *
   * | allocates                    | blocks | syscalls | callable from        |
   * | only for a frame over chunks | no     | 0        | the receiver's thread|
   *
   * @throws BusError PROTOCOL_ERROR for a length under 32 or over the limit (F6); the stream is beyond repair then.
   */
  push(chunk: FrameBuffer, start: number, end: number, handler: FrameHandler, limit: number): number {
    let position = start;
    let handed = 0;
    if (this.#gathered === 0 && this.#partial.u8.length > RETAINED_PARTIAL_BYTES && this.#readsToKeepLarge-- <= 0) {
      this.#partial = allocateFrameBuffer(HEADER_BYTES);
    }
    while (position < end && handed < limit) {
      if (this.#gathered > 0 || (position & 7) !== 0) {
        position = this.#gather(chunk, position, end);
        if (this.#gathered < this.#wanted) break;
        if (this.#completePartial(handler)) handed++;
        continue;
      }
      const available = end - position;
      if (available < HEADER_BYTES) {
        position = this.#gather(chunk, position, end);
        break;
      }
      const length = this.#checked(chunk.i32[position >> 2] >>> 0);
      const padded = align8(length);
      if (padded > available) {
        position = this.#gather(chunk, position, end);
        continue;
      }
      this.frames++;
      handed++;
      handler(chunk, position, length, this.#from);
      position += padded;
    }
    return position;
  }

  #checked(length: number): number {
    if (length >= HEADER_BYTES && length <= this.#maxFrameLength) return length;
    throw new BusError('PROTOCOL_ERROR', `a frame states a length of ${length} bytes`, {
      remedy: `lengths run from ${HEADER_BYTES} to ${this.#maxFrameLength}; the connection is cut`,
    });
  }

  /** Copies what the partial frame still wants, at most to `end`; returns the position after it. */
  #gather(chunk: FrameBuffer, position: number, end: number): number {
    const take = Math.min(this.#wanted - this.#gathered, end - position);
    this.#partial.u8.set(chunk.u8.subarray(position, position + take), this.#gathered);
    this.#gathered += take;
    return position + take;
  }

  /** The wanted bytes are there: a header tells how much more, a whole frame is handed over (true). */
  #completePartial(handler: FrameHandler): boolean {
    const length = this.#checked(this.#partial.i32[0] >>> 0);
    const padded = align8(length);
    if (this.#gathered < padded) {
      this.#wanted = padded;
      if (this.#partial.u8.length < padded) {
        const larger = allocateFrameBuffer(padded, true);
        larger.u8.set(this.#partial.u8.subarray(0, this.#gathered));
        this.#partial = larger;
      }
      return false;
    }
    const frame = this.#partial;
    this.#gathered = 0;
    this.#wanted = HEADER_BYTES;
    this.frames++;
    if (padded > RETAINED_PARTIAL_BYTES) this.#readsToKeepLarge = READS_TO_KEEP_LARGE;
    if (handler(frame, 0, length, this.#from) === KEEP) this.#partial = allocateFrameBuffer(HEADER_BYTES);
    return true;
  }
}

/** A partial buffer up to this size is kept for good, a larger one while large frames follow each other. */
const RETAINED_PARTIAL_BYTES = 262_144;
/** Reads without a large frame, after which one big message no longer pins its size. */
const READS_TO_KEEP_LARGE = 64;
