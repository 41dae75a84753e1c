import { constants as os } from 'node:os';
import { BusError } from '@busbar/core/contract';
import { MAX_VIEW_BYTES, Mapping, PAGE_BYTES } from './mapping.ts';
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_NOEXEC_SEAL,
  type Syscalls,
} from './syscalls.ts';
import { systemError } from './system-error.ts';

/** Shared memory by memfd: sealed, fully allocated, mapped read-write. */
export interface SharedMemory {
  readonly bytes: number;
  /**
   * Over the mapping, the same object always; all zero after creation. Never `transfer()` it: the range is unmapped
   * after this very object, whoever has the memory by then.
   */
  readonly buffer: ArrayBuffer;
  /** The memfd, for peers to open as `/proc/<pid>/fd/<descriptor>`; -1 once closed, and where it was opened. */
  readonly descriptor: number;
  /** The mapping stays. Idempotent. */
  closeDescriptor(): void;
  /**
   * Closes the descriptor and gives the pages back at once; what still views `buffer` then reads zeros and writes to
   * nobody. The range of addresses is freed when `buffer` has been garbage collected. Idempotent.
   */
  close(): void;
}

/** With these no peer can shrink the file under a mapping (SIGBUS), grow it, or seal it further. */
export const SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

/** NAME_MAX less the kernel's prefix `memfd:`. */
const MAX_LABEL_BYTES = 249;
/** posix_fallocate undoes its work and gives up when a signal arrives, as a profiler's do all the time. */
const ALLOCATION_ATTEMPTS = 10;

/**
 * `bytes` of new shared memory, a positive multiple of 4096 up to 4 GiB; `label` shows in /proc/<pid>/maps.
 * @throws BusError MISUSE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
 */
export function allocateSharedMemory(syscalls: Syscalls, label: string, bytes: number): SharedMemory {
  const where = `memfd '${label}'`;
  if (!(Number.isInteger(bytes) && bytes > 0 && bytes % PAGE_BYTES === 0 && bytes <= MAX_VIEW_BYTES)) {
    const remedy = `ask for a positive multiple of ${PAGE_BYTES}, at most ${MAX_VIEW_BYTES}`;
    throw new BusError('MISUSE', `shared memory of ${bytes} bytes`, { where, remedy });
  }
  if (Buffer.byteLength(label) > MAX_LABEL_BYTES) {
    throw new BusError('MISUSE', `a label of more than ${MAX_LABEL_BYTES} bytes`, { where });
  }
  const fd = createMemfd(syscalls, label);
  if (fd < 0) throw systemError(fd, 'memfd_create', 'cannot create shared memory', where);
  try {
    const allocated = allocate(syscalls, fd, bytes);
    if (allocated < 0) throw systemError(allocated, 'posix_fallocate', `no room for ${bytes} bytes`, where);
    const sealed = syscalls.fcntl(fd, F_ADD_SEALS, SEALS);
    if (sealed < 0) throw systemError(sealed, 'fcntl', 'cannot seal the shared memory', where);
    return new MappedMemory(syscalls, new Mapping(syscalls, fd, bytes, where), fd);
  } catch (error) {
    syscalls.close(fd);
    throw error;
  }
}

function createMemfd(syscalls: Syscalls, label: string): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = syscalls.memfd_create(label, flags | MFD_NOEXEC_SEAL);
  // Linux before 6.3 does not know the flag.
  return fd === -os.errno.EINVAL ? syscalls.memfd_create(label, flags) : fd;
}

/**
 * Takes every page of the file's first `bytes` now, so that a lack of room is an error here and no SIGBUS at the first
 * touch. Returns 0, or the negative errno.
 */
export function allocate(syscalls: Syscalls, fd: number, bytes: number): number {
  let result = 0;
  for (let attempt = 0; attempt < ALLOCATION_ATTEMPTS; attempt++) {
    result = syscalls.posix_fallocate(fd, bytes);
    if (result !== -os.errno.EINTR) break;
  }
  return result;
}

export class MappedMemory implements SharedMemory {
  readonly bytes: number;
  readonly buffer: ArrayBuffer;
  readonly #syscalls: Syscalls;
  readonly #mapping: Mapping;
  #fd: number;

  /** Owns both; `fd` is -1 where there is none. */
  constructor(syscalls: Syscalls, mapping: Mapping, fd: number) {
    this.bytes = mapping.buffer.byteLength;
    this.buffer = mapping.buffer;
    this.#syscalls = syscalls;
    this.#mapping = mapping;
    this.#fd = fd;
  }

  get descriptor(): number {
    return this.#fd;
  }

  closeDescriptor(): void {
    if (this.#fd < 0) return;
    this.#syscalls.close(this.#fd);
    this.#fd = -1;
  }

  close(): void {
    this.closeDescriptor();
    this.#mapping.release();
  }
}
