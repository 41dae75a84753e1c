import { constants } from 'node:fs';
import { constants as os } from 'node:os';
import { LOCK_EX, LOCK_NB, O_CLOEXEC, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** An exclusive lock, held until `release` or the death of the process, whichever comes first. */
export interface FileLock {
  readonly path: string;
  /** Frees the lock; the file stays, since unlinking it would let two holders lock two files of one name. */
  release(): void;
}

// O_NONBLOCK, so that a FIFO in the file's place cannot hold the thread.
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC;
const OWNER_ONLY = 0o600;

/**
 * Takes the exclusive lock of the file at `path`, created if missing; undefined while somebody else holds it.
 *
 * The lock belongs to the open file description (flock(2)), so a second attempt in the same process is refused too,
 * and the kernel frees it at the latest when the process dies.
 *
 * @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED, the errno in its cause (ELOOP: `path` is a symbolic link)
 */
export function lockFile(syscalls: Syscalls, path: string): FileLock | undefined {
  const fd = syscalls.open(path, FLAGS, OWNER_ONLY);
  if (fd < 0) throw systemError(fd, 'open', 'cannot open the lock file', path);
  const result = syscalls.flock(fd, LOCK_EX | LOCK_NB);
  if (result === 0) return new HeldLock(syscalls, path, fd);
  syscalls.close(fd);
  if (result === -os.errno.EWOULDBLOCK) return undefined;
  throw systemError(result, 'flock', 'cannot lock the file', path);
}

class HeldLock implements FileLock {
  readonly path: string;
  readonly #syscalls: Syscalls;
  #fd: number;

  constructor(syscalls: Syscalls, path: string, fd: number) {
    this.#syscalls = syscalls;
    this.path = path;
    this.#fd = fd;
  }

  release(): void {
    if (this.#fd < 0) return;
    // Whatever close answers, Linux has let go of the descriptor.
    this.#syscalls.close(this.#fd);
    this.#fd = -1;
  }
}
