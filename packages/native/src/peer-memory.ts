import { constants } from 'node:fs';
import { constants as os } from 'node:os';
import { BusError } from '@busbar/core/contract';
import { MAX_VIEW_BYTES, Mapping, PAGE_BYTES } from './mapping.ts';
import { checkType, fileStatus, openPeerDescriptor, peerPath } from './peer-descriptor.ts';
import { MappedMemory, SEALS, type SharedMemory } from './shared-memory.ts';
import { F_GET_SEALS, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

/**
 * Maps the shared memory that process `pid` has as `descriptor`; the file is closed again, the mapping stays.
 * Refused unless sealed against every change of size, and a positive multiple of 4096 of at most `maxBytes`.
 * @throws BusError MISUSE | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
 */
export function mapPeerMemory(syscalls: Syscalls, pid: number, descriptor: number, maxBytes: number): SharedMemory {
  const where = peerPath(pid, descriptor);
  checkLimit(maxBytes, where);
  const fd = openPeerDescriptor(syscalls, pid, descriptor, 'file', constants.O_RDWR);
  try {
    return mapSealedMemory(syscalls, fd, maxBytes, where);
  } finally {
    syscalls.close(fd);
  }
}

/**
 * Maps the shared memory that a peer has handed over as `fd`, which stays the caller's; refused like the above.
 * @throws BusError MISUSE | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
 */
export function mapHandedMemory(syscalls: Syscalls, fd: number, maxBytes: number, where: string): SharedMemory {
  checkLimit(maxBytes, where);
  checkType(syscalls, fd, 'file', where);
  return mapSealedMemory(syscalls, fd, maxBytes, where);
}

function checkLimit(maxBytes: number, where: string): void {
  if (maxBytes > 0 && maxBytes <= MAX_VIEW_BYTES) return;
  const remedy = `allow at most ${MAX_VIEW_BYTES}`;
  throw new BusError('MISUSE', `shared memory of up to ${maxBytes} bytes`, { where, remedy });
}

function mapSealedMemory(syscalls: Syscalls, fd: number, maxBytes: number, where: string): SharedMemory {
  checkSeals(syscalls, fd, where);
  // Only now: without the seals the size could still change.
  const { size } = fileStatus(syscalls, fd, where);
  if (size === 0 || size % PAGE_BYTES !== 0 || size > maxBytes) {
    const what = `the peer's shared memory is ${size} bytes, not a positive multiple of ${PAGE_BYTES} up to ${maxBytes}`;
    throw new BusError('PROTOCOL_ERROR', what, { where });
  }
  return new MappedMemory(syscalls, new Mapping(syscalls, fd, size, where), -1);
}

function checkSeals(syscalls: Syscalls, fd: number, where: string): void {
  const seals = syscalls.fcntl(fd, F_GET_SEALS, 0);
  // The kernel's answer for a file that knows no seals.
  if (seals === -os.errno.EINVAL) {
    throw new BusError('PROTOCOL_ERROR', 'the descriptor of the peer is no shared memory', { where });
  }
  if (seals < 0) throw systemError(seals, 'fcntl', 'cannot read the seals of the shared memory', where);
  if ((seals & SEALS) !== SEALS) {
    throw new BusError('PROTOCOL_ERROR', "the peer's shared memory is not sealed", { where });
  }
}
