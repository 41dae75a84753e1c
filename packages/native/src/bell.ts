import { constants } from 'node:fs';
import { openPeerDescriptor } from './peer-descriptor.ts';
import type { Syscalls } from './syscalls.ts';

/** The button of another process's `Doorbell`. */
export interface Bell {
  /** Wakes the other side: one write(2), never blocks, never throws; after `close`, and once the peer is gone, nothing. */
  ring(): void;
  /** Idempotent. */
  close(): void;
}

/** What is written; its address is used, so it must live as long as this module. Nobody reads the value. */
const BYTE = new ArrayBuffer(1);

/**
 * The bell of the pipe whose write end process `pid` has as `descriptor`.
 * @throws BusError PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function openPeerBell(syscalls: Syscalls, pid: number, descriptor: number): Bell {
  return new PipeBell(syscalls, openPeerDescriptor(syscalls, pid, descriptor, 'pipe', constants.O_WRONLY));
}

class PipeBell implements Bell {
  readonly #syscalls: Syscalls;
  readonly #byte: number;
  #fd: number;

  constructor(syscalls: Syscalls, fd: number) {
    this.#syscalls = syscalls;
    this.#byte = syscalls.address(BYTE);
    this.#fd = fd;
  }

  ring(): void {
    // EAGAIN: it rings already. EPIPE: the peer is gone, which the control plane tells (Node ignores SIGPIPE).
    if (this.#fd >= 0) this.#syscalls.write(this.#fd, this.#byte, 1);
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#syscalls.close(this.#fd);
    this.#fd = -1;
  }
}
