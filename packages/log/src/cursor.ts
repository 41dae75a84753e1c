import { closeSync, constants, fdatasync, fstatSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { BusError, type FrameBuffer, frameBuffer, fromSystemError } from '@busbar/core/contract';
import { allocateFile, type FileLock, type FileMapping, mapFile, tryLockFile } from '@busbar/native';
import { checksum } from './checksum.ts';
import { readU64, writeU64 } from './log-layout.ts';

/** Records that may be done, or under way, above the floor. */
export const WINDOW = 1024;
/** An attempt more is not counted. */
const MOST_ATTEMPTS = 255;

/**
 * A file of 4096 bytes: two slots, written by turns, so that one is whole whenever the writer is killed. In each:
 *
 *   offset  size  field       meaning
 *   ------  ----  ----------  ---------------------------------------------------------------------------
 *        0     4  version
 *        4     4  crc         CRC-32 of the version and of all from offset 8 on
 *        8     8  generation  one more than in the other slot
 *       16     8  floor       every record up to it is done
 *       24   128  done        a bit for each sequence above the floor, at its remainder by 1024
 *      152  1024  attempts    a byte for each, at the same place
 */
const FILE_BYTES = 4096;
const SLOT_BYTES = 2048;
const VERSION = 1;
const CRC = 4;
const GENERATION = 8;
const FLOOR = 16;
const DONE = 24;
const ATTEMPTS = 152;
const END = ATTEMPTS + WINDOW;

const toDisk = promisify(fdatasync);

/** How far a consumer has come in a log: what it has done, also out of order, and how often it has tried the rest. */
export class Cursor {
  readonly #path: string;
  readonly #lock: FileLock;
  #fd: number;
  readonly #mapping: FileMapping;
  readonly #memory: FrameBuffer;
  /** What the next `commit` stores: one slot, in private memory. */
  readonly #state: FrameBuffer = frameBuffer(new ArrayBuffer(SLOT_BYTES));
  #generation = 0;
  #floor = 0;
  /** Sequences that no record has, above records that are not done: from, to. */
  #leap: [number, number] | undefined;

  /**
   * The cursor in the file at `path`, made if need be; undefined while somebody else has it.
   * @throws BusError CORRUPT | VERSION_MISMATCH | NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
   */
  static open(path: string): Cursor | undefined {
    const lock = tryLockFile(path);
    if (lock === undefined) return undefined;
    try {
      return new Cursor(path, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(path: string, lock: FileLock) {
    this.#path = path;
    this.#lock = lock;
    try {
      this.#fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    } catch (error) {
      throw fromSystemError(error, 'a cursor cannot be opened', path);
    }
    try {
      if (fstatSync(this.#fd).size < FILE_BYTES) allocateFile(this.#fd, FILE_BYTES, path);
      this.#mapping = mapFile(this.#fd, FILE_BYTES, 'read-write', path);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    this.#memory = frameBuffer(this.#mapping.buffer);
    try {
      this.#load();
    } catch (error) {
      this.#mapping.close();
      closeSync(this.#fd);
      throw error;
    }
  }

  /** The newer of the whole slots. */
  #load(): void {
    const slots = [0, 1].map((slot) =>
      frameBuffer(this.#mapping.buffer.slice(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)),
    );
    const whole = slots.filter((slot) => slotChecksum(slot) === slot.i32[CRC >> 2] && slot.i32[0] !== 0);
    const newest = whole.sort((a, b) => readU64(b.i32, GENERATION) - readU64(a.i32, GENERATION)).at(0);
    if (newest === undefined) {
      // Of a new one the first slot may be half written; the second is untouched.
      if (slots.some(({ u8 }) => u8.every((byte) => byte === 0))) return;
      throw new BusError('CORRUPT', 'neither of the two states of a cursor matches its checksum', {
        where: this.#path,
        remedy: 'remove the file: its consumer begins anew, and gets again what is kept',
      });
    }
    if (newest.i32[0] !== VERSION) {
      throw new BusError('VERSION_MISMATCH', `a cursor of version ${newest.i32[0]}, this side knows ${VERSION}`, {
        where: this.#path,
        remedy: 'install the release of @busbar/log that wrote it',
      });
    }
    this.#state.u8.set(newest.u8);
    this.#generation = readU64(newest.i32, GENERATION);
    this.#floor = readU64(newest.i32, FLOOR);
  }

  /** Every record up to this sequence is done. */
  get floor(): number {
    return this.#floor;
  }

  /** Record `sequence` may be begun: it is not too far above what is not done. */
  admits(sequence: number): boolean {
    return sequence <= this.#floor + WINDOW && (this.#leap === undefined || sequence < this.#leap[0]);
  }

  isDone(sequence: number): boolean {
    if (sequence <= this.#floor) return true;
    const at = sequence & (WINDOW - 1);
    return sequence <= this.#floor + WINDOW && (this.#state.u8[DONE + (at >> 3)] & (1 << (at & 7))) !== 0;
  }

  /** Counts an attempt at a record that `admits` has let through; how many there were. */
  attempt(sequence: number): number {
    const at = ATTEMPTS + (sequence & (WINDOW - 1));
    const { u8 } = this.#state;
    u8[at] = Math.min(u8[at] + 1, MOST_ATTEMPTS);
    return u8[at];
  }

  /** Record `sequence` is done. @throws BusError MISUSE: `admits` would not have let it through */
  done(sequence: number): void {
    if (sequence <= this.#floor) return;
    if (!this.admits(sequence)) {
      throw new BusError('MISUSE', `record ${sequence} is done, and everything above ${this.#floor} is not`, {
        where: this.#path,
        remedy: 'begin only what `admits` lets through',
      });
    }
    this.#set(sequence);
    this.#raise();
  }

  /** There are no records `from` to `to`: they were left out, or removed. */
  leap(from: number, to: number): void {
    this.#leap = [Math.max(from, this.#floor + 1), to];
    this.#raise();
  }

  #set(sequence: number): void {
    const at = sequence & (WINDOW - 1);
    this.#state.u8[DONE + (at >> 3)] |= 1 << (at & 7);
  }

  #raise(): void {
    const { u8 } = this.#state;
    for (;;) {
      if (this.#leap !== undefined && this.#floor + 1 >= this.#leap[0]) {
        this.#floor = Math.max(this.#floor, this.#leap[1]);
        this.#leap = undefined;
      }
      const at = (this.#floor + 1) & (WINDOW - 1);
      const bit = 1 << (at & 7);
      if ((u8[DONE + (at >> 3)] & bit) === 0) return;
      u8[DONE + (at >> 3)] &= ~bit;
      u8[ATTEMPTS + at] = 0;
      this.#floor++;
    }
  }

  /**
   * What is done stays so when the process is killed; `sync` for power loss.
   *
   * | allocates | blocks | syscalls | callable from      |
   * | one view  | no     | 0        | the owner's thread |
   */
  commit(): void {
    const { i32 } = this.#state;
    i32[0] = VERSION;
    writeU64(i32, GENERATION, ++this.#generation);
    writeU64(i32, FLOOR, this.#floor);
    i32[CRC >> 2] = slotChecksum(this.#state);
    this.#memory.u8.set(this.#state.u8, (this.#generation & 1) * SLOT_BYTES);
  }

  /** What was committed is on the disk. @throws BusError TRANSPORT_FAILED */
  async sync(): Promise<void> {
    try {
      await toDisk(this.#fd);
    } catch (error) {
      throw fromSystemError(error, 'the disk did not take the cursor', this.#path);
    }
  }

  /** What was not committed is forgotten. Idempotent. */
  close(): void {
    if (this.#fd < 0) return;
    this.#mapping.close();
    closeSync(this.#fd);
    this.#fd = -1;
    this.#lock.release();
  }
}

function slotChecksum(slot: FrameBuffer): number {
  return checksum(slot, GENERATION, END, slot.i32[0]);
}
