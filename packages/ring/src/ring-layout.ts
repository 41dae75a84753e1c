/**
 * Layout of a ring, version 1: one producer, one consumer, records of any length. Little-endian; offsets in bytes from
 * the start of the mapping. Words that different sides write lie 128 bytes apart: two cache lines, since processors
 * fetch them in pairs.
 *
 * Positions are bytes since creation, modulo 2^32, and compared by their difference; index = position & (capacity - 1).
 *
 * ```
 * offset  size  field        written by          read by   order
 * ------  ----  -----------  ------------------  --------  -----------------------------------------
 *      0     4  magic        consumer            producer  plain, before the producer hears of the ring
 *      4     4  version      consumer            producer  plain, before the producer hears of the ring
 *      8     4  capacity     consumer            producer  plain, before the producer hears of the ring
 *     12     4  nonce        consumer            producer  plain, before the producer hears of the ring
 *    128     4  head         consumer            producer  sequential
 *    132     4  framesRead   consumer            producer  plain, before head
 *    256     4  sleeping     consumer, producer  producer  sequential
 *    384     4  waiting      producer, consumer  consumer  sequential
 *    388     4  wanted       producer            consumer  sequential
 *   4096     -  records      producer            consumer  length words release / acquire, the rest plain
 * ```
 *
 * A record is 8-aligned and lies in one piece:
 *
 * ```
 *  | length (4) | unused (4) | frame, padded to 8 |
 *
 *  length > 0    a frame of so many bytes is committed
 *  length = 0    nothing is here yet
 *  PADDING       the rest up to the end is empty; go on at index 0
 *  ENDED         the producer will write no more
 * ```
 *
 * Invariants, cited by number beside every atomic operation:
 *
 *  I1  The length word where the consumer stands is 0 until the record there is whole: the producer zeroes the word
 *      behind a record before it stores that record's own. The store of the length is the commit, and the last store.
 *  I2  From its claim to its commit a record is its producer's; from then until head passes it, the consumer's.
 *  I3  0 <= tail - head <= capacity - 8: room for one more length word (I1) is always kept, so an end can be told too.
 *  I4  Only the consumer moves head, only forwards; tail is nowhere in shared memory.
 *  I5  Sleep and wake: each side stores its own word, then loads the other's, all sequentially consistent. So of a
 *      commit and an announced sleep at least one sees the other; the same for head and an announced wait.
 *  I6  What the other side wrote is hostile until checked: lengths lie within the ring and the largest record, head
 *      only grows and never beyond tail. A breach poisons the ring; nothing of it is read or written again.
 */
export const MAGIC = 0x42_52_4e_47;
export const LAYOUT_VERSION = 1;

export const MAGIC_OFFSET = 0;
export const VERSION_OFFSET = 4;
export const CAPACITY_OFFSET = 8;
export const NONCE_OFFSET = 12;
export const HEAD_OFFSET = 128;
export const FRAMES_READ_OFFSET = 132;
export const SLEEPING_OFFSET = 256;
export const WAITING_OFFSET = 384;
export const WANTED_OFFSET = 388;
export const RECORDS_OFFSET = 4096;

/** Bytes of a record before its frame. */
export const RECORD_HEADER_BYTES = 8;
export const PADDING = -1;
export const ENDED = -2;

const MIN_CAPACITY = 4096;
/** Positions are compared by their signed difference. */
const MAX_CAPACITY = 2 ** 30;

/** Bytes to map for a ring of `capacity`, a power of two from 4 KiB to 1 GiB. */
export function ringBytes(capacity: number): number {
  return RECORDS_OFFSET + capacity;
}

export function isCapacity(capacity: number): boolean {
  return capacity >= MIN_CAPACITY && capacity <= MAX_CAPACITY && (capacity & (capacity - 1)) === 0;
}

/** Bytes of the largest frame: wherever an empty ring stands, it fits before the end or after it, with I3. */
export function maxRingFrame(capacity: number): number {
  return (capacity >> 1) - 2 * RECORD_HEADER_BYTES;
}
