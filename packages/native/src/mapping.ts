import { BusError } from '@busbar/core/contract';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  type Syscalls,
} from './syscalls.ts';
import { systemError } from './system-error.ts';

/** Sizes are multiples of it, on kernels with larger pages too. */
export const PAGE_BYTES = 4096;
/** A view of more ends the process in koffi, without an exception. */
export const MAX_VIEW_BYTES = 2 ** 32;

export const READ_WRITE: number = PROT_READ | PROT_WRITE;
const TOMBSTONE = MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE;

interface Range {
  readonly syscalls: Syscalls;
  readonly address: number;
  readonly bytes: number;
}

// The only place that unmaps what was seen from JavaScript: nobody can touch the range once its buffer is gone.
const released = new FinalizationRegistry<Range>(({ syscalls, address, bytes }) => {
  syscalls.munmap(address, bytes);
});

/** A file mapped shared, and the one buffer over it. */
export class Mapping {
  readonly buffer: ArrayBuffer;
  #range: Range | undefined;

  /**
   * Maps the first `bytes` bytes of `fd`, which stays the caller's. Without PROT_WRITE a store into the buffer ends the
   * process (SIGSEGV).
   * @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
   */
  constructor(syscalls: Syscalls, fd: number, bytes: number, where: string, protection: number = READ_WRITE) {
    const address = syscalls.mmap(0, bytes, protection, MAP_SHARED, fd);
    if (address < 0) throw systemError(address, 'mmap', 'cannot map the memory', where);
    this.#range = { syscalls, address, bytes };
    try {
      this.buffer = syscalls.view(address, bytes);
    } catch (error) {
      syscalls.munmap(address, bytes);
      throw new BusError('TRANSPORT_UNAVAILABLE', 'this JavaScript engine allows no buffers over native memory', {
        where,
        remedy: 'use transports that share no memory: memory, uds',
        cause: error,
      });
    }
  }

  /**
   * Gives the pages back and leaves private zeros in their place, for views that are still about (a view cannot be
   * revoked, and a touch of unmapped memory is SIGSEGV); the range follows when the buffer has been collected.
   */
  release(): void {
    if (this.#range === undefined) return;
    const { syscalls, address, bytes } = this.#range;
    this.#range = undefined;
    // Should it fail, nobody knows what is in the range by now: unmapping it later could hit somebody else's memory.
    if (syscalls.mmap(address, bytes, READ_WRITE, TOMBSTONE, -1) < 0) return;
    released.register(this.buffer, { syscalls, address, bytes });
  }
}
