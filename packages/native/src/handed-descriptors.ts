import { BusError } from '@busbar/core/contract';
import { type Bell, handedBell } from './bell.ts';
import { mapHandedMemory } from './peer-memory.ts';
import type { SharedMemory } from './shared-memory.ts';
import type { Syscalls } from './syscalls.ts';

/** Descriptors that another process has handed over, by their place among those sent. Each can be used once. */
export interface HandedDescriptors {
  /**
   * Maps it, as `openSharedMemory` does.
   * @throws BusError MISUSE | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
   */
  sharedMemory(index: number, maxBytes: number): SharedMemory;
  /**
   * The bell of the doorbell it is. PROTOCOL_ERROR unless it is the write end of a pipe, and never blocks.
   * @throws BusError MISUSE | PROTOCOL_ERROR | TRANSPORT_FAILED
   */
  bell(index: number): Bell;
  /** Closes those that nothing was made of. Idempotent. */
  close(): void;
}

export class ReceivedDescriptors implements HandedDescriptors {
  readonly #syscalls: Syscalls;
  readonly #where: string;
  /** -1: used. */
  readonly #fds: number[];

  /** Owns `fds`. */
  constructor(syscalls: Syscalls, fds: readonly number[], where: string) {
    this.#syscalls = syscalls;
    this.#fds = [...fds];
    this.#where = where;
  }

  sharedMemory(index: number, maxBytes: number): SharedMemory {
    const fd = this.#at(index);
    const memory = mapHandedMemory(this.#syscalls, fd, maxBytes, this.#where);
    this.#fds[index] = -1;
    this.#syscalls.close(fd);
    return memory;
  }

  bell(index: number): Bell {
    const bell = handedBell(this.#syscalls, this.#at(index), this.#where);
    this.#fds[index] = -1;
    return bell;
  }

  #at(index: number): number {
    const fd = this.#fds[index] ?? -1;
    if (fd >= 0) return fd;
    throw new BusError('MISUSE', `descriptor ${index} was not handed over, or is used`, { where: this.#where });
  }

  close(): void {
    for (const fd of this.#fds.splice(0)) if (fd >= 0) this.#syscalls.close(fd);
  }
}
