import { allocateFrameBuffer, frameBuffer } from '../contract/index.ts';
import type { EncodedPayload } from './outgoing.ts';

const BLOCK_BYTES = 65_536;
const LARGE_BYTES = 8192;

/**
 * Private copies of payloads. The bus keeps a payload until its last delivery is settled, while the caller may reuse
 * the buffer at once; small copies share blocks, so that one costs no allocation of its own.
 */
export class PayloadArena {
  #block = allocateFrameBuffer(BLOCK_BYTES);
  #used = 0;

  copy(bytes: Uint8Array, into: EncodedPayload): void {
    const size = bytes.length;
    into.size = size;
    into.start = 0;
    if (size >= LARGE_BYTES) {
      into.payload = frameBuffer(Uint8Array.prototype.slice.call(bytes).buffer, 0, size);
      return;
    }
    if (this.#used + size > BLOCK_BYTES) {
      this.#block = allocateFrameBuffer(BLOCK_BYTES);
      this.#used = 0;
    }
    into.payload = this.#block;
    into.start = this.#used;
    this.#block.u8.set(bytes, this.#used);
    this.#used += (size + 7) & ~7;
  }
}
