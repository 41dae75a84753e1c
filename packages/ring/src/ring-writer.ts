import { align8, BACK_PRESSURED, OK } from '@busbar/core/contract';
import type { AtomicBuffer } from './atomic-buffer.ts';
import {
  ENDED,
  FRAMES_READ_OFFSET,
  HEAD_OFFSET,
  PADDING,
  RECORD_HEADER_BYTES,
  RECORDS_OFFSET,
  SLEEPING_OFFSET,
  WAITING_OFFSET,
  WANTED_OFFSET,
} from './ring-layout.ts';

/**
 * The producer's side of a ring: claim, write the frame at `offset` of the mapping, stage; any number of times, then
 * publish what is staged at once.
 *
 * All methods:
 *
 * | allocates | blocks | syscalls | callable from      |
 * | no        | no     | 0        | the owner's thread |
 */
export class RingWriter {
  /** Byte offset of the claimed frame in the mapping. */
  offset = 0;
  /** Frames published or staged so far. */
  frames = 0;
  /** The consumer has written what it never would (I6): claims are refused, and nothing it says is believed. */
  poisoned = false;
  readonly #words: AtomicBuffer;
  readonly #capacity: number;
  readonly #mask: number;
  #tail = 0;
  /** The true head is here or further. */
  #head = 0;
  /** Where the claimed record begins: at the tail, or behind the padding there. */
  #start = 0;
  #framesRead = 0;
  /** Head when `framesRead` last told; what lies before it, it has told. */
  #toldHead = 0;
  /** The head to wait for. */
  #wanted = 0;
  /** The length word that keeps all staged records from being seen, and what it will be; 0 while none is staged. */
  #stagedOffset = 0;
  #stagedValue = 0;

  /** Over a ring that nobody has written to; `capacity` is one that `isCapacity` accepts. */
  constructor(words: AtomicBuffer, capacity: number) {
    this.#words = words;
    this.#capacity = capacity;
    this.#mask = capacity - 1;
  }

  /** OK: there are `length` bytes at `offset`. BACK_PRESSURED: no room, or poisoned. An earlier claim is forgotten. */
  claim(length: number): number {
    const bytes = RECORD_HEADER_BYTES + align8(length);
    const tail = this.#tail;
    const index = tail & this.#mask;
    const toEnd = this.#capacity - index;
    const fits = bytes <= toEnd;
    // I3
    const needed = (fits ? bytes : toEnd + bytes) + RECORD_HEADER_BYTES;
    if (((tail - this.#head) | 0) + needed > this.#capacity) {
      this.#refresh();
      if (((tail - this.#head) | 0) + needed > this.#capacity) return BACK_PRESSURED;
    }
    this.#start = fits ? tail : (tail + toEnd) | 0;
    this.offset = RECORDS_OFFSET + RECORD_HEADER_BYTES + (fits ? index : 0);
    return OK;
  }

  /** Ends the claimed frame: `length` bytes, not more than were claimed. It is seen from `publish` on. */
  stage(length: number): void {
    const words = this.#words;
    const mask = this.#mask;
    const start = this.#start;
    const tail = this.#tail;
    const end = (start + RECORD_HEADER_BYTES + align8(length)) | 0;
    // I1
    words.storePlain(RECORDS_OFFSET + (end & mask), 0);
    let value = length;
    if (start !== tail) {
      words.storePlain(RECORDS_OFFSET + (start & mask), length);
      value = PADDING;
    }
    const offset = RECORDS_OFFSET + (tail & mask);
    if (this.#stagedOffset === 0) {
      this.#stagedOffset = offset;
      this.#stagedValue = value;
    } else words.storePlain(offset, value);
    this.#tail = end;
    this.frames++;
  }

  /** Lets the consumer see what is staged. */
  publish(): void {
    if (this.#stagedOffset === 0) return;
    // I1: the commit, and I5: before the look at `sleeping`; pairs with the load in RingReader.next.
    this.#words.storeSequential(this.#stagedOffset, this.#stagedValue);
    this.#stagedOffset = 0;
  }

  /** After a commit: true when the consumer sleeps, and whoever called is to wake it. */
  mustWake(): boolean {
    // I5: pairs with RingReader.announceSleep.
    return this.#words.loadSequential(SLEEPING_OFFSET) !== 0 && this.#words.exchange(SLEEPING_OFFSET, 0) !== 0;
  }

  /** As far as can be seen, the consumer looks by itself. */
  get consumerAwake(): boolean {
    return this.#words.loadAcquire(SLEEPING_OFFSET) === 0;
  }

  /** Publishes what is staged, and that nothing follows; no claim may. */
  end(): void {
    this.publish();
    // I3: room for this word was always kept; pairs with the load in RingReader.next.
    this.#words.storeSequential(RECORDS_OFFSET + (this.#tail & this.#mask), ENDED);
  }

  /** Half of the ring is free, as far as known. */
  get hasSlack(): boolean {
    return ((this.#tail - this.#head) | 0) <= this.#capacity >> 1;
  }

  /** Bytes of a frame that `claim` accepts now; while more than a quarter of the ring is free, it may accept more. */
  room(): number {
    const room = this.#largest();
    if (room > this.#capacity >> 2) return room;
    this.#refresh();
    return this.#largest();
  }

  /** Frames that the consumer has copied out: what it says, as far as that can be. */
  framesRead(): number {
    // In this order: whatever is read beyond the head known from now on is news.
    this.#refresh();
    if (this.poisoned) return this.#framesRead;
    this.#toldHead = this.#head;
    const more = (this.#words.loadAcquire(FRAMES_READ_OFFSET) - this.#framesRead) | 0;
    // I6
    if (more < 0 || more > this.frames - this.#framesRead) this.#poison();
    else this.#framesRead += more;
    return this.#framesRead;
  }

  /**
   * Notes what to wait for: that more frames are read than `framesRead` has told; or, unless `frames`, that half of
   * the ring is free, or more than is known now where that is so already.
   */
  want(frames: boolean): void {
    const half = (this.#tail - (this.#capacity >> 1)) | 0;
    const next = (this.#head + 1) | 0;
    this.#wanted = frames ? (this.#toldHead + 1) | 0 : ((half - next) | 0) < 0 ? next : half;
  }

  /** True when what was wanted has come, or never will: poisoned. */
  arrived(): boolean {
    this.#refresh();
    return ((this.#head - this.#wanted) | 0) >= 0 || this.poisoned;
  }

  /** Asks the consumer to wake this side at what is wanted. False: it has arrived, and nobody will wake. */
  announceWait(): boolean {
    const words = this.#words;
    // I5: the wish, then the look at head; pairs with RingReader.release.
    words.storeSequential(WANTED_OFFSET, this.#wanted);
    words.storeSequential(WAITING_OFFSET, 1);
    if (!this.arrived()) return true;
    this.cancelWait();
    return false;
  }

  /** Nobody need wake this side; one wake-up may be on its way. */
  cancelWait(): void {
    this.#words.storeSequential(WAITING_OFFSET, 0);
  }

  /** As far as known. */
  #largest(): number {
    const free = this.#capacity - RECORD_HEADER_BYTES - ((this.#tail - this.#head) | 0);
    const toEnd = this.#capacity - (this.#tail & this.#mask);
    return Math.max(0, (free <= toEnd ? free : Math.max(toEnd, free - toEnd)) - RECORD_HEADER_BYTES);
  }

  #refresh(): void {
    if (this.poisoned) return;
    // I2: what lies before head may be written again. I5. Pairs with RingReader.release.
    const head = this.#words.loadSequential(HEAD_OFFSET);
    const step = (head - this.#head) | 0;
    // I6
    if (step < 0 || step > ((this.#tail - this.#head) | 0)) this.#poison();
    else this.#head = head;
  }

  #poison(): void {
    this.poisoned = true;
    // Full, for good.
    this.#head = (this.#tail - this.#capacity) | 0;
  }
}
