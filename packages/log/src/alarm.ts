import { closeSync, constants, openSync } from 'node:fs';
import path from 'node:path';
import { BusError, fromSystemError } from '@busbar/core/contract';
import { allocateFile, type FileMapping, mapFile } from '@busbar/native';

const FILE = 'alarm';
const FILE_BYTES = 4096;
const MAGIC = 0x4d52_4c41;
const VERSION = 1;

/**
 * A file of 4096 bytes that all who write and read a stream have mapped; words that different sides write lie 128 bytes apart.
 *
 *   offset  size  field     written by          read by             order
 *   ------  ----  --------  ------------------  ------------------  ------------------------------------------
 *        0     4  magic     everybody           everybody           plain: always the same
 *        4     4  version   everybody           everybody           plain: always the same
 *      128     4  lanes     producers           readers             sequential
 *      256     4  sleeping  readers, producers  producers           sequential
 *
 *   A1  Sleep and wake: a producer commits, then loads `sleeping`; a reader stores `sleeping`, then looks at every log. So one
 *       of them sees the other. Whoever finds the word takes it, and wakes all.
 *   A2  A lane is in the folder before `lanes` grows.
 */
const LANES = 128 >> 2;
const SLEEPING = 256 >> 2;

/** What those who write and read one stream tell each other without a system call. */
export class Alarm {
  readonly #mapping: FileMapping;
  readonly #words: Int32Array;

  /** @throws BusError VERSION_MISMATCH | NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  constructor(directory: string) {
    const file = path.join(directory, FILE);
    let fd: number;
    try {
      fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    } catch (error) {
      throw fromSystemError(error, 'the alarm of a stream cannot be opened', file);
    }
    try {
      allocateFile(fd, FILE_BYTES, file);
      this.#mapping = mapFile(fd, FILE_BYTES, 'read-write', file);
    } finally {
      closeSync(fd);
    }
    this.#words = new Int32Array(this.#mapping.buffer);
    const [magic, version] = this.#words;
    if (magic === 0) this.#words.set([MAGIC, VERSION]);
    else if (magic !== MAGIC || version !== VERSION) {
      this.#mapping.close();
      throw new BusError('VERSION_MISMATCH', 'the stream is of another release', {
        where: file,
        remedy: 'install the release of @busbar/log that wrote it',
      });
    }
  }

  /** Grows whenever a producer takes a lane, a new one perhaps. */
  get lanes(): number {
    return Atomics.load(this.#words, LANES);
  }

  /** A producer has taken a lane. */
  laneTaken(): void {
    // A2
    Atomics.add(this.#words, LANES, 1);
  }

  /**
   * After a commit: true when somebody sleeps, and whoever called is to wake all.
   *
   * | allocates | blocks | syscalls | callable from      |
   * | no        | no     | 0        | the owner's thread |
   */
  mustWake(): boolean {
    // A1: after the store of the record's length, which is sequential, too.
    return Atomics.load(this.#words, SLEEPING) !== 0 && Atomics.exchange(this.#words, SLEEPING, 0) !== 0;
  }

  /** Before a look at every log: if there is nothing, sleep. */
  announceSleep(): void {
    // A1
    Atomics.store(this.#words, SLEEPING, 1);
  }

  close(): void {
    this.#mapping.close();
  }
}
