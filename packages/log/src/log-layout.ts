/**
 * Layout of a log, version 1: a folder of segments, written by one process at a time. Little-endian; offsets in bytes.
 *
 * ```
 *   lock                      flock of the writer; never unlinked
 *   00000000000000000001.seg  named by the sequence of its first record
 *   00000000000000104858.seg
 *   next-1.tmp                the next segment, allotted ahead
 * ```
 *
 * A segment is of one size from its creation to its end, so that no mapping of it ever points behind the file:
 *
 * ```
 *   offset  size  field     meaning
 *   ------  ----  --------  --------------------------------------------------------------------
 *        0     4  magic
 *        4     4  version
 *        8     4  bytes     of the whole segment
 *       12     4  crc       CRC-32 of the header with this word 0
 *       16     8  first     sequence of its first record, which its name says, too
 *       24     8  follows   sequence that the first record would have, were none left out since the segment before
 *       32     8  synced    highest sequence known to be on the disk when it was begun
 *       40     8  created   ms since 1970
 *       48    16  log       random; a segment of another log that got in here is seen
 *       64    16  boot      of the machine: what was written since is in memory, whatever the disk holds
 *       80     8  lost      of the sequences between `follows` and `first`, those whose records a repair has not found
 *     4096     -  records
 * ```
 *
 * Later versions keep what stands here, so that the release of a log is told from damage.
 *
 * A record is 8-aligned:
 *
 * ```
 *   offset  size  field     meaning
 *   ------  ----  --------  --------------------------------------------------------------------
 *        0     4  length    of the frame; 0: nothing is here yet; SEALED: go on in the next segment
 *        4     4  crc       CRC-32 of the length word and of all from offset 8 to the end, padding included
 *        8     8  sequence  one more than the record before
 *       16     8  synced    highest sequence known to be on the disk when it was written
 *       24     8  time      ms since 1970, as the writer's caller said
 *       32     -  frame     padded with zeros to a multiple of 8
 * ```
 *
 * Invariants, cited by number where they are kept:
 *
 *  L1  The length word behind the last record is 0 until the next record is whole: files are allotted as zeros, and whoever
 *      wrote beyond a record's end clears that before it stores the record's length. The store of the length is the commit.
 *  L2  A segment is linked to its name with a whole header, before SEALED sends anybody there.
 *  L3  Only the holder of the lock writes. What a reader copies out it checks by its CRC before it believes it.
 *  L4  A file never shrinks and is never written again under another name: readers keep mappings of what was unlinked.
 *  L5  A sequence that anybody may have seen is never given again. After a restart of the machine what readers had seen may
 *      be lost, so the next writer leaves `SKIPPED_AFTER_RESTART` out.
 *  L6  `synced` never says more than an fdatasync has returned for: a later record that covers a hole proves that what was
 *      there had been on the disk.
 */
export const MAGIC = 0x474f_4c42;
export const LAYOUT_VERSION = 1;

export const MAGIC_OFFSET = 0;
export const VERSION_OFFSET = 4;
export const BYTES_OFFSET = 8;
export const CRC_OFFSET = 12;
export const FIRST_OFFSET = 16;
export const FOLLOWS_OFFSET = 24;
export const SYNCED_OFFSET = 32;
export const CREATED_OFFSET = 40;
export const LOG_OFFSET = 48;
export const BOOT_OFFSET = 64;
export const LOST_OFFSET = 80;
/** Bytes of the header that its CRC covers. */
export const HEADER_BYTES = 88;
/** A page of its own: the header is never written again. */
export const RECORDS_OFFSET = 4096;

export const RECORD_CRC = 4;
export const RECORD_SEQUENCE = 8;
export const RECORD_SYNCED = 16;
export const RECORD_TIME = 24;
/** Bytes of a record before its frame. */
export const RECORD_HEADER_BYTES = 32;
/** In the place of a length. */
export const SEALED = -1;

export const MIN_SEGMENT_BYTES = 65_536;
export const MAX_SEGMENT_BYTES: number = 2 ** 30;

/** L5: far more records than one start of a machine can write. */
export const SKIPPED_AFTER_RESTART: number = 2 ** 32;

/** Bytes of the largest frame: with its header, and room for SEALED behind it, it fills a segment. */
export function maxLogFrame(segmentBytes: number): number {
  return segmentBytes - RECORDS_OFFSET - RECORD_HEADER_BYTES - 8;
}

export function isSegmentBytes(bytes: number): boolean {
  return (
    Number.isInteger(bytes) && bytes >= MIN_SEGMENT_BYTES && bytes <= MAX_SEGMENT_BYTES && bytes % RECORDS_OFFSET === 0
  );
}

const TWO_32 = 4_294_967_296;

/** Sequences and times are 64 bits on the disk; here they are integers below 2^53. */
export function readU64(i32: Int32Array, offset: number): number {
  const word = offset >> 2;
  return (i32[word] >>> 0) + (i32[word + 1] >>> 0) * TWO_32;
}

export function writeU64(i32: Int32Array, offset: number, value: number): void {
  const word = offset >> 2;
  i32[word] = value;
  i32[word + 1] = value / TWO_32;
}
