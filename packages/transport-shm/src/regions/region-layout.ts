/**
 * Layout of a region, version 1: one memfd of slots of one size. Little-endian; offsets in bytes from its start.
 *
 * ```
 *   offset            words  field        written by   read by    order
 *        0                1  magic        owner        borrower   before the first export
 *        4                1  version      owner        borrower   before the first export
 *        8                1  nonce        owner        borrower   before the first export
 *       12                1  slotBytes    owner        borrower   before the first export
 *       16                1  slots        owner        borrower   before the first export
 *       20                1  ownerWaits   owner        borrowers  sequential
 *     4096 + 512 s        1  generation   owner        borrowers  sequential
 *     4096 + 512 s + 4 r  1  reader r     borrower r   owner      sequential
 *     firstSlot + s * slotBytes           the bytes of slot s
 * ```
 *
 * Borrower r, 1 to 127, is one peer for the life of the region. Its word of a slot says what it last did with it:
 * `opened(generation)`, then `released(generation)`. Nobody else writes it, so nothing is ever counted twice, and what a
 * dead peer had is known.
 *
 *   L1  A slot's bytes and generation are the owner's to change only while no word of those it was exported to says
 *       opened, or can still come to say it, for the generation it was exported with.
 *   L2  Opening: the borrower says opened, then looks at the generation. Taking back from a peer whose link broke: the owner
 *       changes the generation, then looks at the word. So one of them sees the other.
 *   L3  Waiting: the owner says ownerWaits, then looks at the words. Releasing: the borrower says released, then looks at
 *       ownerWaits. So one of them sees the other.
 */
export const REGION_MAGIC = 0x47525342;
export const REGION_VERSION = 1;

export const MAGIC_OFFSET = 0;
export const VERSION_OFFSET = 4;
export const NONCE_OFFSET = 8;
export const SLOT_BYTES_OFFSET = 12;
export const SLOTS_OFFSET = 16;
export const OWNER_WAITS_OFFSET = 20;

const HEADER_BYTES = 4096;
const SLOT_HEADER_BYTES = 512;
const PAGE_BYTES = 4096;

/** Peers that one region can be lent to, in all its life. */
export const MAX_READERS: number = SLOT_HEADER_BYTES / 4 - 1;
/** Slots are powers of two from here on, so that each begins on a page. */
export const MIN_SLOT_BYTES = 4096;
export const MAX_SLOT_BYTES = 2 ** 30;
/** A region of small slots has about so many bytes; one of larger slots has one. */
const REGION_BYTES = 1_048_576;
export const MAX_SLOTS = 64;

/** Slots of a region whose slots have so many bytes. */
export function slotsOf(slotBytes: number): number {
  return Math.min(MAX_SLOTS, Math.max(1, REGION_BYTES / slotBytes));
}

/** Bytes of the slot that takes a payload of `bytes`. */
export function slotBytesFor(bytes: number): number {
  return Math.max(MIN_SLOT_BYTES, 2 ** (32 - Math.clz32(bytes - 1)));
}

export function generationOffset(slot: number): number {
  return HEADER_BYTES + slot * SLOT_HEADER_BYTES;
}

export function readerOffset(slot: number, reader: number): number {
  return generationOffset(slot) + 4 * reader;
}

export function slotOffset(slot: number, slotBytes: number, slots: number): number {
  return alignPage(generationOffset(slots)) + slot * slotBytes;
}

export function regionBytes(slotBytes: number, slots: number): number {
  return slotOffset(slots, slotBytes, slots);
}

function alignPage(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** Generations count up to here, then begin again. */
export const MAX_GENERATION: number = 2 ** 30 - 1;

/** What a reader's word says. */
export function opened(generation: number): number {
  return 2 * generation;
}
export function released(generation: number): number {
  return 2 * generation + 1;
}
