import { constants } from 'node:fs';
import { BusError } from '@busbar/core/contract';
import { checkType, openPeerDescriptor } from './peer-descriptor.ts';
import { F_GETFL, O_ACCMODE, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

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

/**
 * The bell of the pipe whose write end a peer has handed over as `fd`. Owns `fd` unless it throws.
 * @throws BusError PROTOCOL_ERROR | TRANSPORT_FAILED
 */
export function handedBell(syscalls: Syscalls, fd: number, where: string): Bell {
  checkType(syscalls, fd, 'pipe', where);
  const flags = syscalls.fcntl(fd, F_GETFL, 0);
  if (flags < 0) throw systemError(flags, 'fcntl', 'cannot look at the bell of the peer', where);
  // It is the peer's own open file, with the peer's flags: a ring at a full pipe could stop this thread.
  if ((flags & constants.O_NONBLOCK) === 0 || (flags & O_ACCMODE) !== constants.O_WRONLY) {
    throw new BusError('PROTOCOL_ERROR', 'the bell of the peer is no write end that never blocks', { where });
  }
  return new PipeBell(syscalls, fd);
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
