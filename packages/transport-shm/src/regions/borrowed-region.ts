import { BusError, type Lease } from '@busbar/core/contract';
import type { Bell, SharedMemory } from '@busbar/native';
import { type AtomicBuffer, MappedWords } from '@busbar/ring';
import type { Descriptor } from './descriptor.ts';
import type { Holds } from './holds.ts';
import {
  generationOffset,
  MAGIC_OFFSET,
  MAX_GENERATION,
  MAX_READERS,
  NONCE_OFFSET,
  OWNER_WAITS_OFFSET,
  opened,
  REGION_MAGIC,
  REGION_VERSION,
  readerOffset,
  regionBytes,
  released,
  SLOT_BYTES_OFFSET,
  SLOTS_OFFSET,
  slotOffset,
  slotsOf,
  VERSION_OFFSET,
} from './region-layout.ts';

/** A peer's region, at the side that reads it. */
export class BorrowedRegion {
  readonly #memory: SharedMemory;
  readonly #bell: Bell;
  readonly #words: AtomicBuffer;
  readonly #nonce: number;
  readonly #slotBytes: number;
  readonly #slots: number;
  readonly #leases = new Set<ShmLease>();
  readonly #holds: Holds;
  #retired = false;
  closed = false;

  /** Owns both unless it throws. The header is read once: its owner could write it at any time. @throws BusError PROTOCOL_ERROR */
  constructor(memory: SharedMemory, bell: Bell, where: string, holds: Holds) {
    this.#holds = holds;
    this.#memory = memory;
    this.#bell = bell;
    this.#words = new MappedWords(new Int32Array(memory.buffer));
    const word = (offset: number): number => this.#words.loadAcquire(offset);
    this.#nonce = word(NONCE_OFFSET);
    this.#slotBytes = word(SLOT_BYTES_OFFSET);
    this.#slots = word(SLOTS_OFFSET);
    if (
      word(MAGIC_OFFSET) !== REGION_MAGIC ||
      word(VERSION_OFFSET) !== REGION_VERSION ||
      this.#slots !== slotsOf(this.#slotBytes) ||
      regionBytes(this.#slotBytes, this.#slots) !== memory.bytes
    )
      throw new BusError('PROTOCOL_ERROR', 'what the peer refers to is no region', { where });
  }

  /** Undefined: its owner has taken it back. @throws BusError PROTOCOL_ERROR */
  open({ nonce, slot, generation, reader, bytes }: Descriptor, where: string): Lease | undefined {
    if (
      nonce !== this.#nonce ||
      slot >= this.#slots ||
      bytes === 0 ||
      bytes > this.#slotBytes ||
      generation > MAX_GENERATION ||
      reader === 0 ||
      reader > MAX_READERS
    )
      throw new BusError('PROTOCOL_ERROR', 'a reference into a region that leads out of it', { where });
    const word = readerOffset(slot, reader);
    // L2: sequential; pairs with the load in `LentSlot.take`.
    this.#words.storeSequential(word, opened(generation));
    if (this.#words.loadSequential(generationOffset(slot)) !== generation) {
      this.#words.storeSequential(word, released(generation));
      return undefined;
    }
    const offset = slotOffset(slot, this.#slotBytes, this.#slots);
    const view = new Uint8Array(this.#memory.buffer, offset, bytes);
    const lease: ShmLease = new ShmLease(view, () => this.#released(lease, word, generation));
    this.#leases.add(lease);
    this.#holds.acquire();
    return lease;
  }

  #released(lease: ShmLease, word: number, generation: number): void {
    this.#leases.delete(lease);
    // L1: sequential; what was read of the slot was read before. L3: pairs with the store in `Lender.onFree`.
    this.#words.storeSequential(word, released(generation));
    if (this.#words.loadSequential(OWNER_WAITS_OFFSET) !== 0) this.#bell.ring();
    if (this.#retired && this.#leases.size === 0) this.close();
    this.#holds.release();
  }

  /** Nothing more of it is opened: it goes with its last lease. */
  retire(): void {
    this.#retired = true;
    if (this.#leases.size === 0) this.close();
  }

  /** What is still open is let go of. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const lease of this.#leases) lease.release();
    this.#bell.close();
    this.#memory.close();
  }
}

class ShmLease implements Lease {
  readonly view: Uint8Array;
  #release: (() => void) | undefined;

  constructor(view: Uint8Array, release: () => void) {
    this.view = view;
    this.#release = release;
  }

  release(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
