const BLOCK_BYTES = 65_536;
const LARGE_BYTES = 8192;

/**
 * Private copies of raw payloads. The bus keeps a payload until its last delivery is settled, while the caller may
 * reuse the buffer at once; small copies share blocks, so that one costs no allocation of its own.
 */
export class PayloadArena {
  #block = new Uint8Array(BLOCK_BYTES);
  #used = 0;

  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length >= LARGE_BYTES) return Uint8Array.prototype.slice.call(bytes);
    if (this.#used + length > BLOCK_BYTES) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += (length + 7) & ~7;
    const copy = this.#block.subarray(start, start + length);
    copy.set(bytes);
    return copy;
  }
}
