import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writev,
} from 'node:fs';
import { promisify } from 'node:util';
import { BusError, type FrameBuffer, frameBuffer, fromSystemError } from '@busbar/core/contract';
import { allocateFile, type FileMapping, mapFile } from '@busbar/native';
import { checksum } from './checksum.ts';
import {
  BOOT_OFFSET,
  BYTES_OFFSET,
  CRC_OFFSET,
  CREATED_OFFSET,
  FIRST_OFFSET,
  FOLLOWS_OFFSET,
  HEADER_BYTES,
  isSegmentBytes,
  LAYOUT_VERSION,
  LOG_OFFSET,
  LOST_OFFSET,
  MAGIC,
  MAGIC_OFFSET,
  MIN_SEGMENT_BYTES,
  readU64,
  SYNCED_OFFSET,
  VERSION_OFFSET,
  writeU64,
} from './log-layout.ts';
import { type SegmentFile, segmentPath, unnamedPath } from './segment-files.ts';

const writeParts = promisify(writev);

/** What a segment's header says; see log-layout.ts. */
export interface SegmentHeader {
  readonly bytes: number;
  readonly first: number;
  readonly follows: number;
  readonly synced: number;
  readonly created: number;
  /** 32 hexadecimal digits. */
  readonly log: string;
  readonly boot: string;
  readonly lost: number;
}

/** A segment file, mapped. */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly memory: FrameBuffer;
  readonly #mapping: FileMapping;
  #fd: number;

  /** Owns `fd`, -1 where none is needed, and `mapping`. */
  constructor(file: string, header: SegmentHeader, mapping: FileMapping, fd: number) {
    this.path = file;
    this.header = header;
    this.memory = frameBuffer(mapping.buffer);
    this.#mapping = mapping;
    this.#fd = fd;
  }

  /** For fdatasync; -1: closed, or open for reading. */
  get fd(): number {
    return this.#fd;
  }

  /** The descriptor stays. */
  unmap(): void {
    this.#mapping.close();
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#mapping.close();
  }
}

/** A header that nobody has written yet: the machine stopped before it came to the disk. */
export const BLANK = Symbol('blank');

/** The kernel's id of this start of the machine: 32 hexadecimal digits. @throws BusError TRANSPORT_FAILED */
export function bootId(): string {
  const file = '/proc/sys/kernel/random/boot_id';
  try {
    return readFileSync(file, 'latin1').trim().replaceAll('-', '');
  } catch (error) {
    throw fromSystemError(error, 'when the machine was started cannot be read', file);
  }
}

/**
 * Maps the segment at `file`, for reading or writing; BLANK when its header is all zeros. Undefined: there is no such file
 * any more.
 * @throws BusError CORRUPT: the header is damaged, and nothing was changed | VERSION_MISMATCH | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function openSegment(file: SegmentFile, access: 'read' | 'read-write'): Segment | typeof BLANK | undefined {
  const opened = openFile(file.path, access);
  if (opened === undefined) return undefined;
  const { fd, mapping } = opened;
  try {
    // A copy, which nobody can change while it is looked at.
    const copy = frameBuffer(mapping.buffer.slice(0, HEADER_BYTES));
    if (copy.i32.every((word) => word === 0)) {
      closeSync(fd);
      mapping.close();
      return BLANK;
    }
    const header = readHeader(copy, file, mapping.bytes);
    if (access === 'read-write') return new Segment(file.path, header, mapping, fd);
    closeSync(fd);
    return new Segment(file.path, header, mapping, -1);
  } catch (error) {
    closeSync(fd);
    mapping.close();
    throw error;
  }
}

/** The bytes of a segment whatever its header says; undefined: there is no such file. */
export function mapSegment(file: SegmentFile): { readonly memory: FrameBuffer; close(): void } | undefined {
  const opened = openFile(file.path, 'read');
  if (opened === undefined) return undefined;
  closeSync(opened.fd);
  return { memory: frameBuffer(opened.mapping.buffer), close: () => opened.mapping.close() };
}

/** `mapping` is a copy where the file is too short to be mapped. */
function openFile(
  file: string,
  access: 'read' | 'read-write',
): { readonly fd: number; readonly mapping: FileMapping } | undefined {
  let fd: number;
  try {
    fd = openSync(file, (access === 'read' ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fromSystemError(error, 'a segment cannot be opened', file);
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Math.max(statedBytes(fd), isSegmentBytes(size) ? size : MIN_SEGMENT_BYTES);
    if (size > bytes) throw damaged(file, `it has ${size} bytes, which no segment has`);
    if (size < bytes) {
      // The machine stopped before its length was on the disk, or somebody cut it: what is not there reads as zeros.
      if (access === 'read') return { fd, mapping: padded(fd, size, bytes) };
      allocateFile(fd, bytes, file);
    }
    return { fd, mapping: mapFile(fd, bytes, access, file) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Bytes of the segment as its header says; 0 where it says nothing that could be. */
function statedBytes(fd: number): number {
  const words = new Int32Array(4);
  const read = readSync(fd, words, 0, words.byteLength, 0);
  const bytes = words[BYTES_OFFSET >> 2];
  return read === words.byteLength && words[MAGIC_OFFSET >> 2] === MAGIC && isSegmentBytes(bytes) ? bytes : 0;
}

function padded(fd: number, size: number, bytes: number): FileMapping {
  const copy = new Uint8Array(bytes);
  readSync(fd, copy, 0, size, 0);
  return { bytes, buffer: copy.buffer, close: () => {} };
}

function readHeader(copy: FrameBuffer, { first, path: where }: SegmentFile, bytes: number): SegmentHeader {
  const { i32 } = copy;
  if (i32[MAGIC_OFFSET >> 2] !== MAGIC) throw damaged(where, 'it is no segment of a log');
  if (headerChecksum(copy) !== i32[CRC_OFFSET >> 2]) throw damaged(where, 'its header does not match its checksum');
  const version = i32[VERSION_OFFSET >> 2];
  if (version !== LAYOUT_VERSION) {
    throw new BusError(
      'VERSION_MISMATCH',
      `the log is laid out by version ${version}, this side by ${LAYOUT_VERSION}`,
      {
        where,
        remedy: 'install the release of @busbar/log that wrote it',
      },
    );
  }
  const header: SegmentHeader = {
    bytes: i32[BYTES_OFFSET >> 2],
    first: readU64(i32, FIRST_OFFSET),
    follows: readU64(i32, FOLLOWS_OFFSET),
    synced: readU64(i32, SYNCED_OFFSET),
    created: readU64(i32, CREATED_OFFSET),
    log: hex(copy, LOG_OFFSET),
    boot: hex(copy, BOOT_OFFSET),
    lost: readU64(i32, LOST_OFFSET),
  };
  if (header.bytes !== bytes) throw damaged(where, `it has ${bytes} bytes, its header says ${header.bytes}`);
  if (header.first !== first) throw damaged(where, `its header says that it begins with ${header.first}`);
  return header;
}

export function damaged(where: string, what: string): BusError {
  return new BusError('CORRUPT', what, {
    where,
    remedy: 'nothing was changed; look at it with inspectLog, and put it aside with repairLog',
  });
}

/** The CRC word itself counts as 0: it is the seed, and left out. */
function headerChecksum(copy: FrameBuffer): number {
  return checksum(copy, FIRST_OFFSET, HEADER_BYTES, checksum(copy, 0, BYTES_OFFSET, copy.i32[BYTES_OFFSET >> 2]));
}

function hex({ u8 }: FrameBuffer, offset: number): string {
  return Buffer.from(u8.subarray(offset, offset + 16)).toString('hex');
}

/** Written at once when an allotment is filled. */
const ZEROS = new Uint8Array(1_048_576);
const MOST_AT_ONCE = 64;

/** A file of `bytes` zeros that will be the next segment, with room on the disk for all of it. */
export class Allotment {
  readonly #directory: string;
  readonly #path: string;
  readonly #fd: number;
  readonly #mapping: FileMapping;
  readonly #memory: FrameBuffer;
  #filling: Promise<void> | undefined;

  /** @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  constructor(directory: string, bytes: number) {
    this.#directory = directory;
    this.#path = unnamedPath(directory);
    try {
      this.#fd = openSync(this.#path, 'wx+', 0o600);
    } catch (error) {
      throw fromSystemError(error, 'the next segment cannot be created', this.#path);
    }
    try {
      allocateFile(this.#fd, bytes, this.#path);
      this.#mapping = mapFile(this.#fd, bytes, 'read-write', this.#path);
      this.#memory = frameBuffer(this.#mapping.buffer);
    } catch (error) {
      closeSync(this.#fd);
      unlinkSync(this.#path);
      throw error;
    }
  }

  /**
   * Writes zeros over zeros, in another thread: the pages are there then, and the first store into each takes 0.2 us instead of
   * 2.6 (ext4, Linux 6.18).
   */
  fill(): void {
    this.#filling = this.#fill().finally(() => {
      this.#filling = undefined;
    });
  }

  /** It must not be written to now: zeros would come over it. */
  get isFilling(): boolean {
    return this.#filling !== undefined;
  }

  async #fill(): Promise<void> {
    try {
      for (let at = 0; at < this.bytes; ) {
        const count = Math.min(MOST_AT_ONCE, Math.ceil((this.bytes - at) / ZEROS.length));
        const parts = Array.from({ length: count }, (_, i) => ZEROS.subarray(0, this.bytes - at - i * ZEROS.length));
        const { bytesWritten } = await writeParts(this.#fd, parts, at);
        at += bytesWritten;
      }
    } catch {
      // It is slower without.
    }
  }

  get bytes(): number {
    return this.#mapping.bytes;
  }

  get memory(): FrameBuffer {
    return this.#memory;
  }

  /**
   * Gives it a header and its name, which nobody may have unless it `replaces` that one.
   * @throws BusError TRANSPORT_FAILED
   */
  become(fields: Omit<SegmentHeader, 'bytes' | 'created'>, replaces = false): Segment {
    const header: SegmentHeader = { ...fields, bytes: this.bytes, created: Date.now() };
    const memory = this.#memory;
    const { i32, u8 } = memory;
    i32[MAGIC_OFFSET >> 2] = MAGIC;
    i32[VERSION_OFFSET >> 2] = LAYOUT_VERSION;
    i32[BYTES_OFFSET >> 2] = header.bytes;
    writeU64(i32, FIRST_OFFSET, header.first);
    writeU64(i32, FOLLOWS_OFFSET, header.follows);
    writeU64(i32, SYNCED_OFFSET, header.synced);
    writeU64(i32, CREATED_OFFSET, header.created);
    u8.set(Buffer.from(header.log, 'hex'), LOG_OFFSET);
    u8.set(Buffer.from(header.boot, 'hex'), BOOT_OFFSET);
    writeU64(i32, LOST_OFFSET, header.lost);
    i32[CRC_OFFSET >> 2] = headerChecksum(memory);
    const from = this.#path;
    const to = segmentPath(this.#directory, header.first);
    try {
      // L2
      if (replaces) renameSync(from, to);
      else {
        linkSync(from, to);
        unlinkSync(from);
      }
    } catch (error) {
      throw fromSystemError(error, 'a segment cannot be given its name', to);
    }
    return new Segment(to, header, this.#mapping, this.#fd);
  }

  /** It is not needed after all. */
  async discard(): Promise<void> {
    // The descriptor may be another file's as soon as it is closed.
    await this.#filling;
    closeSync(this.#fd);
    this.#mapping.close();
    unlinkSync(this.#path);
  }
}
