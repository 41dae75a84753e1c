import { BusError } from '@busbar/core/contract';
import { SO_PEERCRED, SOL_SOCKET, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** Who was at the other end of a Unix socket when it was connected, by the word of the kernel (unix(7)). */
export interface PeerCredentials {
  /** In our pid namespace; 0 when the peer is outside it. A label, not a key: pids are used again. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** `struct ucred { pid_t pid; uid_t uid; gid_t gid; }` */
const UCRED_BYTES = 12;

/** @throws BusError TRANSPORT_FAILED when `fd` is no connected Unix socket, the errno in its cause */
export function readPeerCredentials(syscalls: Syscalls, fd: number): PeerCredentials {
  const ucred = new Int32Array(UCRED_BYTES / 4);
  const length = Uint32Array.of(UCRED_BYTES);
  const where = `descriptor ${fd}`;
  const result = syscalls.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length);
  if (result < 0) throw systemError(result, 'getsockopt', 'cannot read the peer credentials', where);
  const [pid, uid, gid] = ucred;
  // The kernel's answer for a socket that has no peer.
  if (uid === -1) throw new BusError('TRANSPORT_FAILED', 'the socket is not connected to anybody', { where });
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}
