/**
 * What Node lacks of libc, for Busbar's core and transports. Importing this loads nothing; `available()` does.
 */
import { BusError } from '@busbar/core/contract';
import type { NativeAvailability } from './availability.ts';
import { type Bell, openPeerBell } from './bell.ts';
import { type Doorbell, hangDoorbell } from './doorbell.ts';
import { type FileLock, lockFile } from './file-lock.ts';
import { allocateFileBytes, type FileMapping, mapFileBytes } from './file-mapping.ts';
import type { Handover } from './handover.ts';
import { connectPoint, type HandoverPoint, openPoint } from './handover-point.ts';
import { type PeerCredentials, readPeerCredentials } from './peer-credentials.ts';
import { mapPeerMemory } from './peer-memory.ts';
import { allocateSharedMemory, type SharedMemory } from './shared-memory.ts';
import { probeSharedMemory } from './shared-memory-probe.ts';
import { loadSyscalls, type Syscalls } from './syscalls.ts';

export type { NativeAvailability } from './availability.ts';
export type { Bell } from './bell.ts';
export type { Doorbell } from './doorbell.ts';
export type { FileLock } from './file-lock.ts';
export type { FileMapping } from './file-mapping.ts';
export type { HandedDescriptors } from './handed-descriptors.ts';
export type { Handover } from './handover.ts';
export type { HandoverPoint } from './handover-point.ts';
export type { PeerCredentials } from './peer-credentials.ts';
export { isOutOfReach } from './peer-descriptor.ts';
export type { SharedMemory } from './shared-memory.ts';

let syscalls: Syscalls | undefined;
let answer: Promise<NativeAvailability> | undefined;

/** Loads koffi and binds libc, once per thread. Never throws; the other functions work after it said true. */
export function available(): Promise<NativeAvailability> {
  answer ??= load();
  return answer;
}

async function load(): Promise<NativeAvailability> {
  if (process.platform !== 'linux') {
    return {
      available: false,
      code: 'UNSUPPORTED_PLATFORM',
      reason: `native calls are written for Linux, this is ${process.platform}`,
      fix: 'use transports that need no native code: memory, uds',
    };
  }
  try {
    syscalls = await loadSyscalls();
    return { available: true };
  } catch (error) {
    return {
      available: false,
      code: 'MISSING_PACKAGE',
      reason: `koffi cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      fix: 'install koffi with its optional platform package (npm install without --omit=optional)',
    };
  }
}

/**
 * Whether memory can be shared here: memfd, opening it again through /proc or handing it over, and buffers over native memory, tried with
 * one page. Loads koffi if need be. Never throws. Codes: those of `available()`, NO_EXTERNAL_BUFFERS,
 * NO_KERNEL_SUPPORT, PERMISSION_DENIED, RESOURCE_EXHAUSTED.
 */
export async function sharedMemoryAvailable(): Promise<NativeAvailability> {
  const native = await available();
  return native.available ? probeSharedMemory(loaded()) : native;
}

function loaded(): Syscalls {
  if (syscalls !== undefined) return syscalls;
  throw new BusError('NEEDS_NATIVE', 'libc is not bound in this thread', {
    where: '@busbar/native',
    remedy: 'await available() first, and go on only when it says true',
  });
}

/**
 * The process, user and group at the other end of the connected Unix socket `fd`.
 * @throws BusError NEEDS_NATIVE | TRANSPORT_FAILED
 */
export function peerCredentials(fd: number): PeerCredentials {
  return readPeerCredentials(loaded(), fd);
}

/**
 * Takes the exclusive lock of the file at `path`; undefined while somebody else holds it, here or elsewhere.
 * @throws BusError NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function tryLockFile(path: string): FileLock | undefined {
  return lockFile(loaded(), path);
}

/**
 * Allots the first `bytes` bytes of the open file `fd`, at `path`: what is written there by a mapping finds room. What was
 * not there before reads as zeros. Takes a millisecond for 16 MiB, on file systems that cannot allot as long as writing.
 * @throws BusError NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function allocateFile(fd: number, bytes: number, path: string): void {
  allocateFileBytes(loaded(), fd, bytes, path);
}

/**
 * Maps the first `bytes` bytes, a multiple of 4096, of the open file `fd`, at `path`; the descriptor stays the caller's.
 * Nobody may shorten the file then: to touch what is not there is SIGBUS.
 * @throws BusError NEEDS_NATIVE | MISUSE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
 */
export function mapFile(fd: number, bytes: number, access: 'read' | 'read-write', path: string): FileMapping {
  return mapFileBytes(loaded(), fd, bytes, access, path);
}

/**
 * `bytes` of new shared memory, all zero: sealed, fully allocated, mapped read-write. A positive multiple of 4096, at
 * most 4 GiB. `label` (at most 249 bytes) shows in /proc/<pid>/maps.
 * @throws BusError NEEDS_NATIVE | MISUSE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
 */
export function createSharedMemory(label: string, bytes: number): SharedMemory {
  return allocateSharedMemory(loaded(), label, bytes);
}

/**
 * Maps the shared memory that process `pid` has as `descriptor`, read-write. The result has no descriptor of its own.
 * PROTOCOL_ERROR unless it is sealed against changes of its size, and a positive multiple of 4096 of at most `maxBytes`.
 * @throws BusError NEEDS_NATIVE | MISUSE | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED | TRANSPORT_UNAVAILABLE
 */
export function openSharedMemory(pid: number, descriptor: number, maxBytes: number): SharedMemory {
  return mapPeerMemory(loaded(), pid, descriptor, maxBytes);
}

/**
 * A pipe that wakes this thread: `onRing` follows one or more rings, in a turn of its own; what it throws is an
 * uncaught exception. Does not keep the process alive.
 * @throws BusError NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function createDoorbell(onRing: () => void): Doorbell {
  return hangDoorbell(loaded(), onRing);
}

/**
 * The bell of the doorbell whose write end process `pid` has as `descriptor`; PROTOCOL_ERROR when that is no pipe.
 * @throws BusError NEEDS_NATIVE | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function openBell(pid: number, descriptor: number): Bell {
  return openPeerBell(loaded(), pid, descriptor);
}

/**
 * A Unix socket at `path`, in a folder that nobody else may write, to which one peer comes for a handover.
 * @throws BusError NEEDS_NATIVE | PATH_TOO_LONG | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function openHandoverPoint(path: string): HandoverPoint {
  return openPoint(loaded(), path);
}

/**
 * Connects to the handover point of process `pid` at `path`; PROTOCOL_ERROR when another process listens there.
 * @throws BusError NEEDS_NATIVE | PATH_TOO_LONG | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function connectHandover(path: string, pid: number): Handover {
  return connectPoint(loaded(), path, pid);
}
