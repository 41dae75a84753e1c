import { chmodSync, renameSync, rmSync } from 'node:fs';
import { constants as os } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { BusError, fromSystemError } from '@busbar/core/contract';
import { type Handover, isExpected, SOCKET_TYPE, SocketHandover } from './handover.ts';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** A Unix socket with a name, to which another process comes for a handover. */
export interface HandoverPoint {
  /**
   * The connection of process `pid`, which has told that it is there; of whoever else came first, the connections are
   * closed. PROTOCOL_ERROR when it has not come. Never waits.
   * @throws BusError CLOSED | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
   */
  accept(pid: number): Handover;
  /** The socket and its file go, and with them who has not been accepted. Idempotent. */
  close(): void;
}

/** Connections that may wait; more are refused by the kernel. */
const BACKLOG = 16;
/** `sockaddr_un`: two bytes of `sun_family`, then `sun_path`, with its closing zero at most 108 bytes. */
const PATH_OFFSET = 2;
const MAX_PATH_BYTES = 107;
/** Its address is used, so it must live as long as this module; each call leaves it to the next. */
const NAME = new ArrayBuffer(PATH_OFFSET + MAX_PATH_BYTES + 1);

/**
 * Listens at `path`, in a folder of our own: bound under a temporary name and renamed, so that the name leads to no
 * socket that is not ready, and nothing is unlinked to make room for it.
 * @throws BusError PATH_TOO_LONG | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function openPoint(syscalls: Syscalls, path: string): HandoverPoint {
  const temporary = join(dirname(path), `.${basename(path)}`);
  const fd = openSocket(syscalls, path);
  let bound = false;
  try {
    const result = named(syscalls, temporary, (name, bytes) => syscalls.bind(fd, name, bytes));
    if (result < 0) throw systemError(result, 'bind', 'cannot open a socket', temporary);
    bound = true;
    chmodSync(temporary, 0o600);
    const listening = syscalls.listen(fd, BACKLOG);
    if (listening < 0) throw systemError(listening, 'listen', 'cannot listen', temporary);
    renameSync(temporary, path);
    return new SocketPoint(syscalls, fd, path);
  } catch (error) {
    syscalls.close(fd);
    if (bound) rmSync(temporary, { force: true });
    throw fromSystemError(error, 'cannot open a socket', path);
  }
}

/**
 * Connects to the point of process `pid` at `path`, without waiting.
 * @throws BusError PATH_TOO_LONG | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function connectPoint(syscalls: Syscalls, path: string, pid: number): Handover {
  const fd = openSocket(syscalls, path);
  try {
    const result = named(syscalls, path, (name, bytes) => syscalls.connect(fd, name, bytes));
    if (result < 0) throw systemError(result, 'connect', 'cannot reach the socket of the peer', path);
    if (isExpected(syscalls, fd, pid)) return new SocketHandover(syscalls, fd, path);
    throw new BusError('PROTOCOL_ERROR', `the socket is not that of process ${pid}`, { where: path });
  } catch (error) {
    syscalls.close(fd);
    throw error;
  }
}

function openSocket(syscalls: Syscalls, where: string): number {
  const fd = syscalls.socket(AF_UNIX, SOCKET_TYPE);
  if (fd < 0) throw systemError(fd, 'socket', 'cannot make a socket', where);
  return fd;
}

/** What `call` returns for the `sockaddr_un` of `path` and its bytes. @throws BusError PATH_TOO_LONG */
function named(syscalls: Syscalls, path: string, call: (name: number, bytes: number) => number): number {
  const pathBytes = Buffer.byteLength(path);
  if (pathBytes > MAX_PATH_BYTES) {
    throw new BusError('PATH_TOO_LONG', `a socket path of ${pathBytes} bytes exceeds ${MAX_PATH_BYTES}`, {
      where: path,
      remedy: 'use a shorter runtime directory (BUSBAR_DIR) or bus name',
    });
  }
  const bytes = Buffer.from(NAME).fill(0);
  new Uint16Array(NAME, 0, 1)[0] = AF_UNIX;
  bytes.write(path, PATH_OFFSET);
  return call(syscalls.address(NAME), PATH_OFFSET + pathBytes + 1);
}

class SocketPoint implements HandoverPoint {
  readonly #syscalls: Syscalls;
  readonly #path: string;
  #fd: number;

  /** Owns `fd`, and the file at `path`. */
  constructor(syscalls: Syscalls, fd: number, path: string) {
    this.#syscalls = syscalls;
    this.#fd = fd;
    this.#path = path;
  }

  accept(pid: number): Handover {
    const where = this.#path;
    if (this.#fd < 0) throw new BusError('CLOSED', 'nobody is expected here any more', { where });
    // As many as can have waited, and one that came meanwhile.
    for (let attempt = 0; attempt <= BACKLOG + 1; attempt++) {
      const fd = this.#syscalls.accept4(this.#fd, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd === -os.errno.EAGAIN) break;
      if (fd < 0) throw systemError(fd, 'accept4', 'cannot accept the connection of the peer', where);
      if (this.#expects(fd, pid)) return new SocketHandover(this.#syscalls, fd, where);
      this.#syscalls.close(fd);
    }
    throw new BusError('PROTOCOL_ERROR', `process ${pid} has not connected`, { where });
  }

  #expects(fd: number, pid: number): boolean {
    try {
      return isExpected(this.#syscalls, fd, pid);
    } catch (error) {
      this.#syscalls.close(fd);
      throw error;
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#syscalls.close(this.#fd);
    this.#fd = -1;
    rmSync(this.#path, { force: true });
  }
}
