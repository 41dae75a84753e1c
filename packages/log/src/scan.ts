import { align8, type FrameBuffer } from '@busbar/core/contract';
import { checksum } from './checksum.ts';
import {
  maxLogFrame,
  RECORD_CRC,
  RECORD_HEADER_BYTES,
  RECORD_SEQUENCE,
  RECORD_SYNCED,
  RECORDS_OFFSET,
  readU64,
  SEALED,
} from './log-layout.ts';

/** How far the records of a segment go. */
export interface Scan {
  /** Offset of what is no whole record: nothing yet, SEALED, or damage. */
  readonly position: number;
  /** Sequence of the record that would stand there. */
  readonly next: number;
  /** The highest `synced` of all records. */
  readonly synced: number;
  readonly sealed: boolean;
}

/** Reads the records of a segment from the first one on, whose sequence is `first`. */
export function scanRecords(memory: FrameBuffer, first: number): Scan {
  const { i32 } = memory;
  let position = RECORDS_OFFSET;
  let next = first;
  let synced = 0;
  while (isRecord(memory, position, next)) {
    synced = Math.max(synced, readU64(i32, position + RECORD_SYNCED));
    position += recordBytes(i32[position >> 2]);
    next++;
  }
  return { position, next, synced, sealed: i32[position >> 2] === SEALED };
}

/** Bytes of a record with a frame of `length`. */
export function recordBytes(length: number): number {
  return RECORD_HEADER_BYTES + align8(length);
}

/** A whole record of that sequence stands there. */
function isRecord(memory: FrameBuffer, position: number, sequence: number): boolean {
  const { i32, u8 } = memory;
  if (position + RECORD_HEADER_BYTES > u8.length) return false;
  return (
    readU64(i32, position + RECORD_SEQUENCE) === sequence && isWhole(memory, position, i32[position >> 2], u8.length)
  );
}

function isWhole(memory: FrameBuffer, position: number, length: number, bytes: number): boolean {
  if (length <= 0 || length > maxLogFrame(bytes) || position + recordBytes(length) > bytes) return false;
  const crc = checksum(memory, position + RECORD_SEQUENCE, position + recordBytes(length), length);
  return crc === memory.i32[(position + RECORD_CRC) >> 2];
}

/** A whole record, wherever it stands. */
export interface FoundRecord {
  readonly offset: number;
  readonly bytes: number;
  readonly sequence: number;
  readonly synced: number;
}

/** Every whole record from `position` on whose sequence is `from` or later, whatever lies between them. */
export function* findRecords(memory: FrameBuffer, position: number, from: number): Generator<FoundRecord> {
  const { i32, u8 } = memory;
  // As many as could stand in the segment.
  const to = from + Math.ceil(u8.length / recordBytes(1));
  for (let at = position; at + RECORD_HEADER_BYTES <= u8.length; ) {
    const length = i32[at >> 2];
    const sequence = length > 0 ? readU64(i32, at + RECORD_SEQUENCE) : 0;
    if (sequence < from || sequence > to || !isWhole(memory, at, length, u8.length)) {
      at += 8;
      continue;
    }
    const bytes = recordBytes(length);
    yield { offset: at, bytes, sequence, synced: readU64(i32, at + RECORD_SYNCED) };
    at += bytes;
  }
}

/** Whole records behind a place where one is missing. */
export interface Survivors {
  /** Sequence of the first of them; 0: there is none. */
  readonly first: number;
  readonly last: number;
  /** The highest `synced` of them. */
  readonly synced: number;
  /** Something behind the place is not zero. */
  readonly isDirty: boolean;
}

const ZEROS = new Uint8Array(65_536);

/** Nothing but zeros from `position` on. */
function isZero(u8: Uint8Array, position: number): boolean {
  for (let at = position; at < u8.length; at += ZEROS.length) {
    const part = u8.subarray(at, at + ZEROS.length);
    if (Buffer.compare(part, ZEROS.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

/** Looks for whole records from `position` on, of sequence `from` or later. */
export function lookAhead(memory: FrameBuffer, position: number, from: number): Survivors {
  let first = 0;
  let last = 0;
  let synced = 0;
  const isDirty = !isZero(memory.u8, position);
  for (const found of isDirty ? findRecords(memory, position, from) : []) {
    if (first === 0) first = found.sequence;
    last = Math.max(last, found.sequence);
    synced = Math.max(synced, found.synced);
  }
  return { first, last, synced, isDirty };
}
