import { randomInt } from 'node:crypto';
import type { PeerInfo } from '@busbar/core/contract';
import type { SharedMemory } from '@busbar/native';
import { type AtomicBuffer, MappedWords } from '@busbar/ring';
import { LentSlot } from './lent-slot.ts';
import {
  MAGIC_OFFSET,
  MAX_READERS,
  NONCE_OFFSET,
  OWNER_WAITS_OFFSET,
  REGION_MAGIC,
  REGION_VERSION,
  SLOT_BYTES_OFFSET,
  SLOTS_OFFSET,
  slotsOf,
  VERSION_OFFSET,
} from './region-layout.ts';

/** Slots of one size, at the side that lends them. */
export class LendingRegion {
  readonly number: number;
  readonly memory: SharedMemory;
  readonly nonce: number = randomInt(2 ** 31);
  readonly slotBytes: number;
  readonly slots: readonly LentSlot[];
  readonly words: AtomicBuffer;
  /** By instance id. A number is never given to another peer: who had it may live, and write its words. */
  readonly #readers = new Map<string, { readonly peer: PeerInfo; readonly reader: number }>();
  #lastReader = 0;

  /** `memory` is new: `regionBytes` of zeros. */
  constructor(number: number, memory: SharedMemory, slotBytes: number) {
    this.number = number;
    this.memory = memory;
    this.slotBytes = slotBytes;
    this.words = new MappedWords(new Int32Array(memory.buffer));
    const slots = slotsOf(slotBytes);
    this.words.storePlain(MAGIC_OFFSET, REGION_MAGIC);
    this.words.storePlain(VERSION_OFFSET, REGION_VERSION);
    this.words.storePlain(NONCE_OFFSET, this.nonce);
    this.words.storePlain(SLOT_BYTES_OFFSET, slotBytes);
    this.words.storePlain(SLOTS_OFFSET, slots);
    this.slots = Array.from({ length: slots }, (_, index) => new LentSlot(this, index, slots));
  }

  /** The number by which `peer` reads here; undefined when all are given. */
  readerFor(peer: PeerInfo): number | undefined {
    const known = this.#readers.get(peer.id);
    if (known !== undefined) return known.reader;
    if (this.#lastReader === MAX_READERS) return undefined;
    const reader = ++this.#lastReader;
    this.#readers.set(peer.id, { peer, reader });
    return reader;
  }

  /** Peers that were lent something. */
  get borrowers(): Iterable<PeerInfo> {
    return [...this.#readers.values()].map(({ peer }) => peer);
  }

  /** Every slot is free: nobody has anything of it, nor can get it. */
  get idle(): boolean {
    return this.slots.every((slot) => slot.free);
  }

  /** Whoever releases something rings (L3), or no longer. */
  wait(waits: boolean): void {
    this.words.storeSequential(OWNER_WAITS_OFFSET, waits ? 1 : 0);
  }

  /** The link to the peer broke; `dead`: it reads nothing any more. True: it has opened what it has not released. */
  lost(id: string, dead: boolean): boolean {
    const known = this.#readers.get(id);
    let keeps = false;
    if (known !== undefined) for (const slot of this.slots) if (slot.lost(known.reader, dead)) keeps = true;
    return keeps;
  }
}
