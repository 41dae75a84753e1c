import { allocateFrameBuffer, BusError, copyAligned, type FrameBuffer, isBusError } from '@busbar/core/contract';
import { checksum } from './checksum.ts';
import {
  maxLogFrame,
  RECORD_CRC,
  RECORD_HEADER_BYTES,
  RECORD_SEQUENCE,
  RECORD_TIME,
  RECORDS_OFFSET,
  readU64,
  SEALED,
} from './log-layout.ts';
import { recordBytes } from './scan.ts';
import { BLANK, damaged, openSegment, type Segment } from './segment.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';

/** Answers of `LogReader.next` that are no length. */
export const NOTHING = 0;
export const DAMAGED = -1;

/** Where to begin: with a record, with the first that is kept, or with what comes from now on. */
export type Start = number | 'start' | 'end';

/** Reads a log while it is written, or later; any number of readers, in any process. It changes nothing. */
export class LogReader {
  /** The record that `next` has read lies at `offset`; a copy, valid until the next call. */
  frame: FrameBuffer = allocateFrameBuffer(4096);
  readonly offset: number = RECORD_HEADER_BYTES;
  /** Its sequence, and when it was appended in ms since 1970. */
  sequence = 0;
  time = 0;
  /** Records that were removed, by retention or by hand, before they were read. */
  missed = 0;
  /** What is wrong where `next` said DAMAGED. */
  damage: BusError | undefined;
  readonly #directory: string;
  #segment: Segment | undefined;
  /** There were later segments when this one was opened: it has an end. */
  #isFull = false;
  #position = RECORDS_OFFSET;
  #expected: number;

  /** @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  constructor(directory: string, start: Start = 'start') {
    this.#directory = directory;
    this.#expected = typeof start === 'number' ? start : 0;
    const files = listSegments(directory);
    if (start === 'end') this.#toEnd(files);
    else this.#begin(files);
  }

  /** Sequence of the record that comes next, as far as is known; 0: the first that there will be. */
  get position(): number {
    return this.#expected;
  }

  /**
   * Copies the next record out; its length, NOTHING, or DAMAGED: then it stays there.
   *
   * | allocates                 | blocks | syscalls                | callable from      |
   * | two views above 256 bytes | no     | 0; a new segment: a few | the owner's thread |
   *
   * @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED: a segment cannot be opened now
   */
  next(): number {
    if (this.damage !== undefined) return DAMAGED;
    const segment = this.#segment;
    if (segment === undefined) return this.#begin(listSegments(this.#directory)) ? this.next() : this.#stay();
    const { memory } = segment;
    const position = this.#position;
    // L1: all of the record is visible once its length is; pairs with the store in LogWriter.commit.
    const length = Atomics.load(memory.i32, position >> 2);
    if (length === 0 && !this.#isFull) return NOTHING;
    if (length === SEALED || length === 0) return this.#moveOn(segment, length) ? this.next() : this.#stay();
    const bytes = recordBytes(length);
    if (length < 0 || length > maxLogFrame(segment.header.bytes) || position + bytes > segment.header.bytes)
      return this.#damaged(segment, `a length of ${length}`);
    if (bytes > this.frame.u8.length) this.frame = allocateFrameBuffer(2 ** Math.ceil(Math.log2(bytes)));
    // L3: what is looked at is the copy.
    const { frame } = this;
    copyAligned(memory, position, frame, 0, bytes);
    if (checksum(frame, RECORD_SEQUENCE, bytes, length) !== frame.i32[RECORD_CRC >> 2])
      return this.#damaged(segment, 'a record that does not match its checksum');
    this.sequence = readU64(frame.i32, RECORD_SEQUENCE);
    if (this.sequence !== this.#expected)
      return this.#damaged(segment, `record ${this.sequence} in the place of ${this.#expected}`);
    this.time = readU64(frame.i32, RECORD_TIME);
    this.#position = position + bytes;
    this.#expected++;
    return length;
  }

  #stay(): number {
    return this.damage === undefined ? NOTHING : DAMAGED;
  }

  #damaged({ path }: Segment, what: string): number {
    this.damage = new BusError('CORRUPT', `${what} at offset ${this.#position}`, {
      where: path,
      data: { sequence: this.#expected },
      remedy: 'look at it with inspectLog, and put it aside with repairLog',
    });
    return DAMAGED;
  }

  /** Opens the segment that `#expected` is in, or else the first behind it. False: there is none, or it is damaged. */
  #begin(files: readonly SegmentFile[]): boolean {
    const at = files.findLastIndex(({ first }) => first <= this.#expected);
    for (let i = Math.max(0, at); i < files.length; i++) {
      const isLast = i + 1 === files.length;
      const segment = this.#open(files[i], isLast);
      if (this.damage !== undefined) return false;
      // Removed meanwhile, or not begun yet.
      if (segment === undefined) continue;
      this.#isFull = !isLast;
      this.#enter(segment);
      return true;
    }
    return false;
  }

  /** Only the last may have no header: the machine stopped when it was begun, and the next writer takes it away. */
  #open(file: SegmentFile, mayBeBlank: boolean): Segment | undefined {
    try {
      const segment = openSegment(file, 'read');
      if (segment !== BLANK) return segment;
      if (!mayBeBlank) this.damage = damaged(file.path, 'it has no header');
      return undefined;
    } catch (error) {
      if (!isBusError(error) || (error.code !== 'CORRUPT' && error.code !== 'VERSION_MISMATCH')) throw error;
      this.damage = error;
      return undefined;
    }
  }

  /** Goes to the record `#expected` of `segment`, or to its first if that is later. */
  #enter(segment: Segment): void {
    this.#segment?.close();
    this.#segment = segment;
    this.#position = RECORDS_OFFSET;
    const { first, follows, bytes, lost } = segment.header;
    if (this.#expected < follows && this.#expected > 0) this.missed += follows - this.#expected;
    if (this.#expected <= first) {
      if (this.#expected > 0) this.missed += Math.min(lost, first - this.#expected);
      this.#expected = first;
      return;
    }
    const { i32 } = segment.memory;
    for (let sequence = first; sequence < this.#expected; sequence++) {
      const length = Atomics.load(i32, this.#position >> 2);
      // What is wrong here, `next` will find.
      if (length <= 0 || this.#position + recordBytes(length) > bytes) {
        if (length >= 0) this.#expected = sequence;
        return;
      }
      this.#position += recordBytes(length);
    }
  }

  /** `segment` ends here with SEALED, or, though it is full, without a word. */
  #moveOn(segment: Segment, word: number): boolean {
    const files = listSegments(this.#directory);
    const at = files.findIndex(({ first }) => first > segment.header.first);
    if (at < 0) return false;
    const expected = this.#expected;
    if (word === SEALED) return this.#begin(files.slice(at));
    // Its writer was stopped before the word, which the next one stores: then nothing is missing.
    const next = this.#open(files[at], false);
    if (this.damage !== undefined) return false;
    const follows = next?.header.follows;
    next?.close();
    if (follows === expected) return this.#begin(files.slice(at));
    this.#damaged(segment, `nothing in the place of record ${expected}`);
    return false;
  }

  #toEnd(files: readonly SegmentFile[]): void {
    const last = files.at(-1);
    if (last === undefined) return;
    this.#expected = last.first;
    if (!this.#begin([last])) return;
    const { memory, header } = this.#segment as Segment;
    for (;;) {
      const length = Atomics.load(memory.i32, this.#position >> 2);
      if (length <= 0 || this.#position + recordBytes(length) > header.bytes) return;
      this.#position += recordBytes(length);
      this.#expected++;
    }
  }

  close(): void {
    this.#segment?.close();
    this.#segment = undefined;
  }
}
