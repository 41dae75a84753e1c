import { constants } from 'node:fs';
import { BusError, isBusError } from '@busbar/core/contract';
import { type FileStatus, O_CLOEXEC, O_PATH, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

const TYPES = { file: constants.S_IFREG, pipe: constants.S_IFIFO };
export type DescriptorType = keyof typeof TYPES;
/** The kernel may not let us look there, or there is no /proc, or it is one of other processes. */
const OUT_OF_REACH = ['EACCES', 'EPERM', 'ENOENT'];

/** Whether `error` says that /proc does not lead to the descriptor of a peer, which a handover may bring all the same. */
export function isOutOfReach(error: unknown): boolean {
  if (!isBusError(error) || error.code !== 'TRANSPORT_FAILED') return false;
  const { code, syscall } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return syscall === 'open' && OUT_OF_REACH.includes(code ?? '');
}

/** How an error names descriptor `descriptor` of process `pid`. */
export function peerPath(pid: number, descriptor: number): string {
  return `/proc/${pid}/fd/${descriptor}`;
}

/**
 * Opens what another process has open as `descriptor`, as an open file of our own; the caller closes it.
 *
 * The numbers come from a peer, and a pid may have been used again: what they name is looked at through O_PATH
 * first, since opening a device or a terminal already does something.
 *
 * @throws BusError PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function openPeerDescriptor(
  syscalls: Syscalls,
  pid: number,
  descriptor: number,
  type: DescriptorType,
  access: number,
): number {
  const where = peerPath(pid, descriptor);
  if (!(Number.isInteger(pid) && pid > 0 && Number.isInteger(descriptor) && descriptor >= 0)) {
    throw new BusError('PROTOCOL_ERROR', 'these are no numbers of a process and its descriptor', { where });
  }
  // No O_NOFOLLOW: these links lead to the open file itself, and with it the link would be opened.
  const found = syscalls.open(where, O_PATH | O_CLOEXEC, 0);
  if (found < 0) throw systemError(found, 'open', 'cannot reach the descriptor of the peer', where);
  try {
    checkType(syscalls, found, type, where);
    const fd = syscalls.open(`/proc/self/fd/${found}`, access | constants.O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0) throw systemError(fd, 'open', 'cannot open the descriptor of the peer', where);
    return fd;
  } finally {
    syscalls.close(found);
  }
}

/** @throws BusError PROTOCOL_ERROR unless `fd` is of `type` | RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
export function checkType(syscalls: Syscalls, fd: number, type: DescriptorType, where: string): void {
  const { mode } = fileStatus(syscalls, fd, where);
  if ((mode & constants.S_IFMT) === TYPES[type]) return;
  throw new BusError('PROTOCOL_ERROR', `the descriptor of the peer is no ${type}`, { where });
}

/** @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
export function fileStatus(syscalls: Syscalls, fd: number, where: string): FileStatus {
  const status = { mode: 0, size: 0 };
  const result = syscalls.fstat(fd, status);
  if (result < 0) throw systemError(result, 'fstat', 'cannot look at the file', where);
  return status;
}
