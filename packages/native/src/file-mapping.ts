import { BusError } from '@busbar/core/contract';
import { MAX_VIEW_BYTES, Mapping, PAGE_BYTES, READ_WRITE } from './mapping.ts';
import { fileStatus } from './peer-descriptor.ts';
import { allocate } from './shared-memory.ts';
import { PROT_READ, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** The beginning of a file, mapped shared. */
export interface FileMapping {
  readonly bytes: number;
  /** Over the mapping, the same object always. Never `transfer()` it. A store into a read-only one ends the process. */
  readonly buffer: ArrayBuffer;
  /** What still views `buffer` then reads zeros, and writes to nobody; see `SharedMemory.close`. Idempotent. */
  close(): void;
}

/**
 * Allots the first `bytes` bytes of the file `fd` on its file system; new ones read as zeros.
 * @throws BusError RESOURCE_EXHAUSTED, what was allotted by then stays | TRANSPORT_FAILED
 */
export function allocateFileBytes(syscalls: Syscalls, fd: number, bytes: number, where: string): void {
  const result = allocate(syscalls, fd, bytes);
  if (result < 0) throw systemError(result, 'posix_fallocate', `no room for ${bytes} bytes`, where);
}

/**
 * Maps the first `bytes` bytes of the file `fd`, which stays the caller's and may be closed.
 * @throws BusError MISUSE | TRANSPORT_FAILED: the file is shorter, and its use would be SIGBUS | RESOURCE_EXHAUSTED |
 * TRANSPORT_UNAVAILABLE
 */
export function mapFileBytes(
  syscalls: Syscalls,
  fd: number,
  bytes: number,
  access: 'read' | 'read-write',
  where: string,
): FileMapping {
  if (!(Number.isInteger(bytes) && bytes > 0 && bytes % PAGE_BYTES === 0 && bytes <= MAX_VIEW_BYTES)) {
    const remedy = `map a positive multiple of ${PAGE_BYTES}, at most ${MAX_VIEW_BYTES}`;
    throw new BusError('MISUSE', `a mapping of ${bytes} bytes`, { where, remedy });
  }
  const { size } = fileStatus(syscalls, fd, where);
  if (size < bytes) {
    throw new BusError('TRANSPORT_FAILED', `the file has ${size} bytes, ${bytes} are to be mapped`, { where });
  }
  const protection = access === 'read' ? PROT_READ : READ_WRITE;
  const mapping = new Mapping(syscalls, fd, bytes, where, protection);
  return { bytes, buffer: mapping.buffer, close: () => mapping.release() };
}
