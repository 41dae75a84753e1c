import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import {
  align8,
  BACK_PRESSURED,
  BusError,
  CLOSED,
  type FrameBuffer,
  isBusError,
  OK,
  TOO_LARGE,
} from '@busbar/core/contract';
import { type FileLock, tryLockFile } from '@busbar/native';
import { checksum } from './checksum.ts';
import { GroupSync, type Unsynced } from './group-sync.ts';
import {
  isSegmentBytes,
  maxLogFrame,
  RECORD_CRC,
  RECORD_HEADER_BYTES,
  RECORD_SEQUENCE,
  RECORD_SYNCED,
  RECORD_TIME,
  RECORDS_OFFSET,
  SEALED,
  SKIPPED_AFTER_RESTART,
  writeU64,
} from './log-layout.ts';
import { type Recovered, recover } from './recovery.ts';
import { type Retention, retire } from './retention.ts';
import { Allotment, BLANK, bootId, openSegment, type Segment } from './segment.ts';
import { listSegments } from './segment-files.ts';

export interface LogOptions {
  /** Bytes of a segment, a multiple of 4096 from 64 KiB to 1 GiB. Default 16 MiB. Existing ones keep theirs. */
  readonly segmentBytes?: number;
  /** What is kept; by default everything. */
  readonly retention?: Retention;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;
/** Of a segment; then the next one is allotted, so that a full disk is an error before there is no room. */
const ALLOT_AT = 0.25;
/** Full segments are brought to the disk after so long, or when there are so many: a burst is not slowed down by its own end. */
const SYNC_SEALED_MS = 5000;
const MOST_SEALED = 64;

/**
 * The only writer of a log. Claim, write the frame at `offset` of `frame`, commit: the record is in the page cache then, and
 * survives the death of every process. `sync` brings it to the disk.
 */
export class LogWriter {
  /** What the writer before has left behind. */
  readonly recovered: Pick<Recovered, 'end' | 'dropped'>;
  /** The claimed frame begins at `offset` of it. Another object from time to time: read it after each claim. */
  frame: FrameBuffer;
  offset = 0;
  /** Why nothing can be appended for now, or any more. */
  trouble: BusError | undefined;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #retention: Retention;
  readonly #lock: FileLock;
  readonly #folder: number;
  readonly #boot: string;
  readonly #log: string;
  readonly #sync: GroupSync;
  /** Full segments that may not be on the disk yet. */
  readonly #sealed: Segment[] = [];
  #segment: Segment;
  #next: Allotment | undefined;
  /** Names in the folder may not be on the disk: of an earlier writer, too. */
  #isFolderNew = true;
  #position: number;
  /** Sequence of the next record. */
  #sequence: number;
  #claimed = 0;
  /** Up to here something may have been written that is no part of a record. */
  #dirty = 0;
  #allotAt: number;
  #onSynced: (() => void) | undefined;
  /** Until full segments are synced. */
  #syncTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * Opens the log in `directory`, which is made if need be; undefined while somebody else writes it.
   * @throws BusError CORRUPT | VERSION_MISMATCH | INVALID_OPTION | NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
   */
  static open(directory: string, options: LogOptions = {}): LogWriter | undefined {
    const { segmentBytes = SEGMENT_BYTES } = options;
    if (!isSegmentBytes(segmentBytes)) {
      throw new BusError('INVALID_OPTION', `segmentBytes ${segmentBytes}`, {
        where: directory,
        remedy: 'give a multiple of 4096 from 64 KiB to 1 GiB',
      });
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = tryLockFile(path.join(directory, 'lock'));
    if (lock === undefined) return undefined;
    try {
      return new LogWriter(directory, lock, options);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(directory: string, lock: FileLock, { segmentBytes, retention }: LogOptions) {
    this.#directory = directory;
    this.#segmentBytes = segmentBytes ?? SEGMENT_BYTES;
    this.#retention = retention ?? {};
    this.#lock = lock;
    this.#boot = bootId();
    const recovered = recover(directory, this.#boot);
    this.recovered = { end: recovered.end, dropped: recovered.dropped };
    this.#log = recovered.segment?.header.log ?? randomBytes(16).toString('hex');
    this.#folder = openSync(directory, 'r');
    this.#sequence = recovered.next;
    try {
      this.#takeOver(recovered);
      this.#segment = this.#continue(recovered);
    } catch (error) {
      for (const segment of this.#sealed) segment.close();
      recovered.segment?.close();
      closeSync(this.#folder);
      throw error;
    }
    this.#position = this.#segment === recovered.segment ? recovered.position : RECORDS_OFFSET;
    this.frame = this.#segment.memory;
    this.#allotAt = this.#segment.header.bytes * ALLOT_AT;
    this.#sync = new GroupSync(
      recovered.synced,
      () => this.#unsynced(),
      () => this.#synced(),
    );
  }

  /** L6: what an earlier writer had not brought to the disk is this one's to bring there. */
  #takeOver({ segment: last, synced }: Recovered): void {
    const files = listSegments(this.#directory);
    for (const [i, file] of files.entries()) {
      if (i + 1 === files.length || file.path === last?.path || files[i + 1].first <= synced + 1) continue;
      const segment = openSegment(file, 'read-write');
      if (segment === undefined || segment === BLANK) continue;
      segment.unmap();
      this.#sealed.push(segment);
    }
  }

  /** L5: on in the same segment only where nobody can have seen more than what is there. */
  #continue({ segment, position, next, synced, dropped }: Recovered): Segment {
    const isSame = segment?.header.boot === this.#boot && dropped === 0;
    if (segment !== undefined && isSame) return segment;
    const allotment = new Allotment(this.#directory, this.#segmentBytes);
    this.#sequence =
      segment === undefined && dropped === 0 ? next : Math.max(next, dropped + 1) + SKIPPED_AFTER_RESTART;
    const ids = { log: this.#log, boot: this.#boot };
    let begun: Segment;
    try {
      begun = allotment.become({ ...ids, first: this.#sequence, follows: next, synced, lost: 0 });
    } catch (error) {
      void allotment.discard();
      throw error;
    }
    if (segment !== undefined) {
      segment.memory.i32[position >> 2] = SEALED;
      this.#sealed.push(segment);
    }
    return begun;
  }

  /** Bytes of the largest frame. */
  get maxFrameLength(): number {
    return maxLogFrame(this.#segmentBytes);
  }

  /** Sequence of the last record; one less than the first, while there is none. */
  get last(): number {
    return this.#sequence - 1;
  }

  /** Highest sequence on the disk. */
  get synced(): number {
    return this.#sync.synced;
  }

  /**
   * OK: there are `length` bytes at `offset` of `frame`. BACK_PRESSURED: no room now, see `trouble`; ask again later.
   *
   * | allocates                 | blocks | syscalls                  | callable from      |
   * | no; a new segment: a few  | no     | 0; a new segment: about 10 | the owner's thread |
   */
  claim(length: number): number {
    const end = this.#position + RECORD_HEADER_BYTES + align8(length);
    // Behind each record there is room for SEALED.
    if (end + 8 > this.#segment.header.bytes) {
      if (length > this.maxFrameLength) return TOO_LARGE;
      const rolled = this.#isClosed ? CLOSED : this.#roll();
      return rolled === OK ? this.claim(length) : rolled;
    }
    if (this.#isClosed || this.#sync.failed !== undefined) return CLOSED;
    this.#claimed = end;
    this.offset = this.#position + RECORD_HEADER_BYTES;
    return OK;
  }

  /**
   * Ends the claimed frame, shortened to `length` bytes, and makes it a record; `time` is ms since 1970. Its sequence is `last`.
   *
   * | allocates                 | blocks | syscalls                         | callable from      |
   * | one view above 512 bytes  | no     | 0; once a segment 3, to allot one | the owner's thread |
   */
  commit(length: number, time: number): void {
    const { frame } = this;
    const { i32, u8 } = frame;
    const position = this.#position;
    const end = position + RECORD_HEADER_BYTES + align8(length);
    const dirty = Math.max(this.#dirty, this.#claimed);
    // L1, and the padding.
    if (dirty > end) u8.fill(0, end, dirty);
    for (let i = position + RECORD_HEADER_BYTES + length; i < end; i++) u8[i] = 0;
    this.#dirty = 0;
    this.#claimed = 0;
    writeU64(i32, position + RECORD_SEQUENCE, this.#sequence);
    // L6
    writeU64(i32, position + RECORD_SYNCED, this.#sync.synced);
    writeU64(i32, position + RECORD_TIME, time);
    i32[(position + RECORD_CRC) >> 2] = checksum(frame, position + RECORD_SEQUENCE, end, length);
    // L1: the commit; pairs with the load in LogReader.next.
    Atomics.store(i32, position >> 2, length);
    this.#position = end;
    this.#sequence++;
    if (end > this.#allotAt && this.#next === undefined) this.#allot();
  }

  /** Gives the claim back; nothing is appended. */
  abort(): void {
    this.#dirty = Math.max(this.#dirty, this.#claimed);
    this.#claimed = 0;
  }

  /** Everything committed so far is to be on the disk; `onSynced` says when. */
  sync(): void {
    this.#sync.request(this.last);
  }

  /** Calls back whenever `synced` has grown, or `trouble` says that it will not any more. */
  onSynced(callback: () => void): void {
    this.#onSynced = callback;
  }

  #synced(): void {
    if (this.#sync.failed !== undefined) this.trouble = this.#sync.failed;
    while (this.#sealed.length > 0) {
      // Where the next one begins, it ends.
      const { follows } = (this.#sealed[1] ?? this.#segment).header;
      if (follows > this.synced + 1) break;
      this.#sealed.shift()?.close();
    }
    this.#onSynced?.();
  }

  #unsynced(): Unsynced {
    const folder = this.#isFolderNew ? this.#folder : undefined;
    this.#isFolderNew = false;
    return { files: [...this.#sealed, this.#segment].map(({ fd }) => fd), folder, upTo: this.last };
  }

  /** The next segment. Errors are kept in `trouble`; it is tried again when this one is full. */
  #allot(): void {
    try {
      this.#next = new Allotment(this.#directory, this.#segmentBytes);
      this.#next.fill();
      this.trouble = undefined;
    } catch (error) {
      if (!isBusError(error)) throw error;
      this.trouble = error;
      this.#allotAt = Number.POSITIVE_INFINITY;
    }
  }

  #roll(): number {
    const next = this.#takeNext();
    if (next === undefined) return BACK_PRESSURED;
    const sequence = this.#sequence;
    const ids = { log: this.#log, boot: this.#boot };
    const fields = { ...ids, first: sequence, follows: sequence, synced: this.synced, lost: 0 };
    let begun: Segment;
    try {
      begun = next.become(fields);
    } catch (error) {
      this.trouble = error as BusError;
      if (this.#next === undefined) this.#next = next;
      else void next.discard();
      return BACK_PRESSURED;
    }
    const full = this.#segment;
    // L1: what an aborted claim left.
    if (this.#dirty > this.#position) full.memory.u8.fill(0, this.#position, this.#dirty);
    this.#dirty = 0;
    // L2: the segment has its name; pairs with the load in LogReader.next.
    Atomics.store(full.memory.i32, this.#position >> 2, SEALED);
    full.unmap();
    this.#sealed.push(full);
    this.#isFolderNew = true;
    this.#segment = begun;
    this.frame = begun.memory;
    this.#position = RECORDS_OFFSET;
    this.#allotAt = this.#segmentBytes * ALLOT_AT;
    this.#syncSoon();
    retire(this.#directory, this.#retention);
    return OK;
  }

  /** What is allotted; or, in a burst that is faster than the pages come, one as it is. */
  #takeNext(): Allotment | undefined {
    const next = this.#next;
    if (next !== undefined && !next.isFilling) {
      this.#next = undefined;
      return next;
    }
    try {
      const other = new Allotment(this.#directory, this.#segmentBytes);
      this.trouble = undefined;
      return other;
    } catch (error) {
      if (!isBusError(error)) throw error;
      this.trouble = error;
      return undefined;
    }
  }

  /** After a power loss only what is not known to be on the disk needs a second look. */
  #syncSoon(): void {
    if (this.#sealed.length >= MOST_SEALED) this.sync();
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      this.sync();
    }, SYNC_SEALED_MS).unref();
  }

  /** What is committed stays. Waits for a sync that runs; the lock is free then. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.abort();
    clearTimeout(this.#syncTimer);
    await this.#sync.idle();
    await this.#next?.discard();
    for (const segment of [...this.#sealed.splice(0), this.#segment]) segment.close();
    closeSync(this.#folder);
    this.#lock.release();
  }
}
