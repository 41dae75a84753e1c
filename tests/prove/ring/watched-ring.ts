import { align8, allocateFrameBuffer, isBusError, OK } from '@busbar/core/contract';
import {
  AT_END,
  checkRing,
  EMPTY,
  formatRing,
  maxRingFrame,
  POISONED,
  RingReader,
  RingWriter,
  ringBytes,
} from '@busbar/ring';
import { WordGuard } from './word-guard.ts';

/** The smallest there is: whatever has to do with its end happens soon. */
export const CAPACITY = 4096;
export const LARGEST = maxRingFrame(CAPACITY);
/** Byte offsets of the header's words; layout version 1. */
export const WORDS = {
  magic: 0,
  version: 4,
  capacity: 8,
  nonce: 12,
  head: 128,
  framesRead: 132,
  sleeping: 256,
  waiting: 384,
  wanted: 388,
};
export const RECORDS = ringBytes(CAPACITY) - CAPACITY;

const BYTES = ringBytes(CAPACITY);
const NONCE = 0x1234_5678;
const RECORD_HEADER_BYTES = 8;
const PADDING = -1;
/** Behind the ring, between its header's words, and behind the frame copied out. */
const CANARY = 0xc7;
const GUARD_BYTES = 4096;
/** Bytes of the header page that nobody writes. */
const UNUSED = [
  [16, 128],
  [136, 256],
  [260, 384],
  [392, RECORDS],
  [BYTES, BYTES + GUARD_BYTES],
] as const;
const CANARIES = new Uint8Array(Math.max(RECORDS, GUARD_BYTES)).fill(CANARY);
/** A frame begins with its number, and a word that checks number and length. */
export const SMALLEST = 8;

/** What came of a trial's hostile words, beside frames that are right. */
export interface Noticed {
  poisonedReader: boolean;
  poisonedWriter: boolean;
  /** The reader saw an end that the writer did not tell. */
  ended: boolean;
  refused: boolean;
  /** Frames that do not pass their own check. */
  damaged: number;
  /** Frames that are right, and not the ones whose turn it was: their numbers tell. */
  outOfTurn: number;
}

/**
 * A ring with a writer and a reader, both as they are, and beside them what each of them must answer by the plainest
 * reading of the layout. `wrong` is told of every answer that differs, every access outside the ring, and every frame
 * that passes its check and was never written.
 */
export class WatchedRing {
  /** Words that are written behind both sides' backs. */
  readonly i32: Int32Array;
  noticed: Noticed = nothingNoticed();
  frames = 0;
  readonly #wrong: (what: string) => void;
  readonly #memory = allocateFrameBuffer(BYTES + GUARD_BYTES);
  readonly #words = new WordGuard(this.#memory.i32, BYTES);
  readonly #into = allocateFrameBuffer(LARGEST + GUARD_BYTES);
  #writer = new RingWriter(this.#words, CAPACITY);
  #reader = new RingReader(this.#words, this.#memory, CAPACITY);
  /** Where the reader stands, in bytes since the beginning. */
  #head = 0;
  /** Where the writer stands; the head it believes; the frames it believes to be read. */
  #tail = 0;
  #knownHead = 0;
  #knownRead = 0;
  #poisoned = false;
  /** The next frame's number. */
  #turn = 0;
  /** By number. */
  #lengths: number[] = [];
  /** Positions of the records not read yet. */
  #unread: number[] = [];

  constructor(wrong: (what: string) => void) {
    this.#wrong = wrong;
    this.i32 = this.#memory.i32;
  }

  /** A new ring in the same memory. */
  begin(): void {
    const { u8, i32 } = this.#memory;
    u8.fill(CANARY, 0, RECORDS);
    u8.fill(0, RECORDS, BYTES);
    u8.fill(CANARY, BYTES);
    this.#into.u8.fill(CANARY, LARGEST);
    for (const offset of Object.values(WORDS)) i32[offset >> 2] = 0;
    formatRing(this.#words, CAPACITY, NONCE);
    this.#writer = new RingWriter(this.#words, CAPACITY);
    this.#reader = new RingReader(this.#words, this.#memory, CAPACITY);
    this.#head = this.#tail = this.#knownHead = this.#knownRead = this.#turn = 0;
    this.#poisoned = false;
    this.#lengths = [];
    this.#unread = [];
    this.noticed = nothingNoticed();
  }

  /** Byte offsets of the length words of all records not read yet, and of the one that comes after them. */
  get lengthWords(): number[] {
    return [...this.#unread, this.#tail].map((position) => RECORDS + (position & (CAPACITY - 1)));
  }

  /** What both sides know is what the header says; so what is written there next is judged by itself. */
  settle(): void {
    if (this.#done) return;
    this.#arrived();
    this.#framesRead();
  }

  /** Nothing more is read or written of it. */
  get #done(): boolean {
    return this.noticed.poisonedReader || this.noticed.ended;
  }

  /** The checks before the producer uses a ring. `intact`: these words are as they were made. */
  attach(intact: boolean): void {
    let answer = '';
    try {
      if (checkRing(this.#words, BYTES, NONCE) !== CAPACITY) answer = 'another capacity';
    } catch (error) {
      answer = isBusError(error) ? error.code : `an exception, ${String(error)}`;
    }
    if (intact) this.#expect(answer === '', `a sound header was answered with ${answer}`);
    else this.#expect(['PROTOCOL_ERROR', 'VERSION_MISMATCH'].includes(answer), `a false header gave '${answer}'`);
    this.noticed.refused ||= !intact;
  }

  /** Writes a frame of `length` bytes where there is room. */
  write(length: number): void {
    if (this.#done) return;
    this.#arrived();
    const writer = this.#writer;
    const claimed = writer.claim(length);
    if (this.#poisoned) {
      this.#expect(claimed !== OK && writer.room() === 0, 'a poisoned writer gave room');
      return;
    }
    if (claimed !== OK) return;
    const start = writer.offset - RECORD_HEADER_BYTES;
    const index = start - RECORDS;
    if (index < 0 || index % 8 !== 0 || start + RECORD_HEADER_BYTES + align8(length) > BYTES) {
      this.#wrong(`the writer claimed ${length} bytes at offset ${writer.offset}`);
      return;
    }
    const position = this.#tail + ((index - this.#tail) & (CAPACITY - 1));
    const end = position + RECORD_HEADER_BYTES + align8(length);
    this.#expect(end - this.#knownHead <= CAPACITY - RECORD_HEADER_BYTES, 'the writer claimed what it has not got');
    fillFrame(this.#memory.i32, this.#memory.u8, writer.offset, this.#lengths.length, length);
    writer.stage(length);
    writer.publish();
    writer.mustWake();
    this.#lengths.push(length);
    if (position !== this.#tail) this.#unread.push(this.#tail);
    this.#unread.push(position);
    this.#tail = end;
  }

  /** The writer looks at the head. */
  #arrived(): void {
    const writer = this.#writer;
    writer.want(false);
    writer.arrived();
    if (!this.#poisoned) {
      const step = (this.i32[WORDS.head >> 2] - this.#knownHead) | 0;
      if (step < 0 || step > this.#tail - this.#knownHead) this.#poisoned = true;
      else this.#knownHead += step;
    }
    this.#agree('head');
  }

  /** The writer looks at how many frames are read. */
  #framesRead(): void {
    const answer = this.#writer.framesRead();
    if (!this.#poisoned) {
      const more = (this.i32[WORDS.framesRead >> 2] - this.#knownRead) | 0;
      if (more < 0 || more > this.#lengths.length - this.#knownRead) this.#poisoned = true;
      else this.#knownRead += more;
    }
    this.#expect(answer === this.#knownRead, `the writer believes ${answer} frames read, not ${this.#knownRead}`);
    this.#agree('framesRead');
  }

  #agree(after: string): void {
    const { poisoned } = this.#writer;
    this.noticed.poisonedWriter ||= poisoned;
    this.#expect(poisoned === this.#poisoned, `after ${after} the writer is ${poisoned ? '' : 'not '}poisoned`);
  }

  /** The writer waits, and does not: what it announces is for the reader alone. */
  wait(frames: boolean): void {
    if (this.#done) return;
    this.#arrived();
    this.#writer.want(frames);
    this.#writer.announceWait();
  }

  /** Reads at most `limit` frames, and gives their room back. */
  read(limit: number): void {
    const before = this.#head;
    for (let i = 0; i < limit && !this.#done; i++) {
      const start = this.#head;
      const expected = this.#nextAnswer();
      const answer = this.#reader.next(this.#into);
      this.#expect(answer === expected, `at ${start} the reader answered ${answer}, not ${expected}`);
      if (answer === POISONED) this.noticed.poisonedReader = true;
      if (answer === AT_END) this.noticed.ended = true;
      if (answer === EMPTY) this.#reader.announceSleep();
      if (answer <= 0) break;
      this.#take(answer);
    }
    if (this.#done) return;
    this.#reader.release();
    if (this.#head === before) return;
    this.#expect(this.i32[WORDS.head >> 2] === (this.#head | 0), 'the head in the ring is not where the reader stands');
    while (this.#unread.length > 0 && this.#unread[0] < this.#head) this.#unread.shift();
  }

  /** By the layout; moves the head along. */
  #nextAnswer(): number {
    let index = this.#head & (CAPACITY - 1);
    let length = this.i32[(RECORDS + index) >> 2];
    if (length === 0) return EMPTY;
    if (length === -2) return AT_END;
    if (length === PADDING && index > 0) {
      this.#head += CAPACITY - index;
      index = 0;
      length = this.i32[RECORDS >> 2];
    }
    if (length <= 0 || length > LARGEST) return POISONED;
    if (index + RECORD_HEADER_BYTES + align8(length) > CAPACITY) return POISONED;
    this.#head += RECORD_HEADER_BYTES + align8(length);
    return length;
  }

  /** A frame of `length` bytes was copied out. */
  #take(length: number): void {
    this.frames++;
    const { i32, u8 } = this.#into;
    if (length > LARGEST) {
      this.#wrong(`a frame of ${length} bytes`);
      return;
    }
    const from = RECORDS + ((this.#head - align8(length)) & (CAPACITY - 1));
    const source = this.#memory.u8.subarray(from, from + length);
    this.#expect(Buffer.compare(source, u8.subarray(0, length)) === 0, 'the copy is not what lies in the ring');
    if (!isIntact(i32, u8, length)) {
      this.noticed.damaged++;
      return;
    }
    const number = i32[0];
    this.#expect(this.#lengths[number] === length, `frame ${number} of ${length} bytes was never written`);
    if (number !== this.#turn) this.noticed.outOfTurn++;
    this.#turn = number + 1;
  }

  /** Nothing was touched that is not the ring's. */
  end(): void {
    const { u8 } = this.#memory;
    for (const [start, end] of UNUSED) this.#expect(untouched(u8, start, end), `bytes of [${start}, ${end}) changed`);
    this.#expect(untouched(this.#into.u8, LARGEST, LARGEST + GUARD_BYTES), 'more was copied out than a frame');
    this.#expect(this.#words.outside === 0, 'a word outside the ring was used');
    this.#words.outside = 0;
  }

  #expect(condition: boolean, what: string): void {
    if (!condition) this.#wrong(what);
  }
}

function nothingNoticed(): Noticed {
  return {
    poisonedReader: false,
    poisonedWriter: false,
    ended: false,
    refused: false,
    damaged: 0,
    outOfTurn: 0,
  };
}

function untouched(u8: Uint8Array, start: number, end: number): boolean {
  return Buffer.compare(u8.subarray(start, end), CANARIES.subarray(0, end - start)) === 0;
}

/** What stands in word `word` of frame `number`. */
function contentWord(number: number, length: number, word: number): number {
  return word === 0 ? number : Math.imul(number * 521 + word, 0x9e37_79b1) ^ length;
}

function fillFrame(i32: Int32Array, u8: Uint8Array, offset: number, number: number, length: number): void {
  const words = length >> 2;
  for (let word = 0; word < words; word++) i32[(offset >> 2) + word] = contentWord(number, length, word);
  for (let i = words << 2; i < length; i++) u8[offset + i] = contentWord(number, length, i);
}

/** The frame's own check: every byte follows from its number and its length. */
function isIntact(i32: Int32Array, u8: Uint8Array, length: number): boolean {
  if (length < SMALLEST) return false;
  const number = i32[0];
  const words = length >> 2;
  for (let word = 1; word < words; word++) if (i32[word] !== contentWord(number, length, word)) return false;
  for (let i = words << 2; i < length; i++) if (u8[i] !== (contentWord(number, length, i) & 0xff)) return false;
  return true;
}
