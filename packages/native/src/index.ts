/**
 * What Node lacks of libc, for Busbar's core and transports. Importing this loads nothing; `available()` does.
 */
import { type Availability, BusError } from '@busbar/core/contract';
import { type FileLock, lockFile } from './file-lock.ts';
import { type PeerCredentials, readPeerCredentials } from './peer-credentials.ts';
import { loadSyscalls, type Syscalls } from './syscalls.ts';

export type { FileLock } from './file-lock.ts';
export type { PeerCredentials } from './peer-credentials.ts';

/** Whether libc can be called here, and if not, why and what helps. */
export type NativeAvailability = { readonly available: true } | Extract<Availability, { available: false }>;

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
