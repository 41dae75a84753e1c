/**
 * The system calls of this package, in one place: the seam behind which tests put a failing kernel.
 * Each returns what the kernel returns: a result, or the negative errno. None of them blocks.
 */
export interface Syscalls {
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  flock(fd: number, operation: number): number;
  /** Fills `value`; `length` holds its bytes before, the bytes filled in after. */
  getsockopt(fd: number, level: number, option: number, value: Int32Array, length: Uint32Array): number;
}

export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const SOL_SOCKET = 1;
export const SO_PEERCRED = 17;

/** Binds libc, of whichever name, as the running process already has it. Throws when koffi cannot be loaded. */
export async function loadSyscalls(): Promise<Syscalls> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  const orErrno = (result: number): number => (result < 0 ? -koffi.errno() : result);

  // open(2) is variadic; on Linux its third argument is passed like a named one.
  const open = libc.func('int open(const char *path, int flags, unsigned int mode)');
  const close = libc.func('int close(int fd)');
  const flock = libc.func('int flock(int fd, int operation)');
  const getsockopt = libc.func(
    'int getsockopt(int fd, int level, int option, _Out_ int *value, _Inout_ uint32_t *length)',
  );
  return {
    open: (path, flags, mode) => orErrno(open(path, flags, mode)),
    close: (fd) => orErrno(close(fd)),
    flock: (fd, operation) => orErrno(flock(fd, operation)),
    getsockopt: (fd, level, option, value, length) => orErrno(getsockopt(fd, level, option, value, length)),
  };
}
