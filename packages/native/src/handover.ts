import { constants as os } from 'node:os';
import { BusError } from '@busbar/core/contract';
import { type HandedDescriptors, ReceivedDescriptors } from './handed-descriptors.ts';
import { readPeerCredentials } from './peer-credentials.ts';
import { MAX_DESCRIPTORS, receivePacket, sendPacket } from './socket-message.ts';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_SEQPACKET, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

/**
 * A connection over which two processes hand each other descriptors (SCM_RIGHTS). Nothing waits: who receives has
 * heard elsewhere that the other side has sent.
 */
export interface Handover {
  /**
   * Sends `descriptors`, at most 253, which stay open here as well. `key` is a word that both sides know.
   * @throws BusError CLOSED | MISUSE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
   */
  send(key: number, descriptors: readonly number[]): void;
  /**
   * What the other side has sent: PROTOCOL_ERROR unless it is `count` descriptors under `key`, and RESOURCE_EXHAUSTED
   * where this process had no room for them all; nothing stays open then.
   * @throws BusError CLOSED | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
   */
  receive(key: number, count: number): HandedDescriptors;
  /** What was sent stays to be received. Idempotent. */
  close(): void;
}

const KEY_BYTES = 4;
export const SOCKET_TYPE = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;

/** Both ends, here. @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
export function handoverPair(syscalls: Syscalls): [Handover, Handover] {
  const fds = new Int32Array(2);
  const result = syscalls.socketpair(AF_UNIX, SOCKET_TYPE, fds);
  if (result < 0) throw systemError(result, 'socketpair', 'cannot connect two sockets', 'handover');
  return [new SocketHandover(syscalls, fds[0], 'handover'), new SocketHandover(syscalls, fds[1], 'handover')];
}

/**
 * Whether the process at the other end of `fd` runs as our user, and is `pid`. A process outside of our pid namespace
 * has no pid here: then the user decides, and the key.
 * @throws BusError TRANSPORT_FAILED
 */
export function isExpected(syscalls: Syscalls, fd: number, pid: number): boolean {
  const credentials = readPeerCredentials(syscalls, fd);
  return credentials.uid === process.geteuid?.() && (credentials.pid === 0 || credentials.pid === pid);
}

export class SocketHandover implements Handover {
  readonly #syscalls: Syscalls;
  readonly #where: string;
  #fd: number;

  /** Owns `fd`. */
  constructor(syscalls: Syscalls, fd: number, where: string) {
    this.#syscalls = syscalls;
    this.#fd = fd;
    this.#where = where;
  }

  send(key: number, descriptors: readonly number[]): void {
    this.#assertOpen();
    if (descriptors.length > MAX_DESCRIPTORS) {
      throw new BusError('MISUSE', `${descriptors.length} descriptors in one packet`, { where: this.#where });
    }
    const result = sendPacket(this.#syscalls, this.#fd, key, descriptors);
    if (result < 0) throw systemError(result, 'sendmsg', 'cannot hand descriptors over', this.#where);
  }

  receive(key: number, count: number): HandedDescriptors {
    this.#assertOpen();
    const { result, word, descriptors, truncated, incomplete } = receivePacket(this.#syscalls, this.#fd);
    if (result === -os.errno.EAGAIN) throw this.#violation('the peer has handed nothing over');
    if (result < 0) throw systemError(result, 'recvmsg', 'cannot receive descriptors', this.#where);
    const handed = new ReceivedDescriptors(this.#syscalls, descriptors, this.#where);
    let error: BusError | undefined;
    if (incomplete) {
      error = new BusError('RESOURCE_EXHAUSTED', 'not all descriptors of the peer could be opened', {
        where: this.#where,
        remedy: 'raise the limit of open files (ulimit -n)',
      });
    } else if (result === 0 && descriptors.length === 0) {
      error = new BusError('TRANSPORT_FAILED', 'the peer has closed the handover', { where: this.#where });
    } else if (truncated || result !== KEY_BYTES || word !== key) {
      error = this.#violation('what the peer has handed over does not bear the key');
    } else if (descriptors.length !== count) {
      error = this.#violation(`the peer has handed over ${descriptors.length} descriptors instead of ${count}`);
    }
    if (error === undefined) return handed;
    handed.close();
    throw error;
  }

  #violation(what: string): BusError {
    return new BusError('PROTOCOL_ERROR', what, { where: this.#where });
  }

  #assertOpen(): void {
    if (this.#fd < 0) throw new BusError('CLOSED', 'the handover is closed', { where: this.#where });
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#syscalls.close(this.#fd);
    this.#fd = -1;
  }
}
