import type { Syscalls } from '../src/syscalls.ts';

/** A kernel whose `n`th call, counted from 1, fails with `errno`; `calls` has the names of those made. */
export function failingAt(real: Syscalls, n: number, errno: number): Syscalls & { readonly calls: string[] } {
  const calls: string[] = [];
  const answer = (name: string, call: () => number): number => {
    calls.push(name);
    return calls.length === n ? -errno : call();
  };
  return {
    calls,
    open: (path, flags, mode) => answer('open', () => real.open(path, flags, mode)),
    close: (fd) => {
      // Like Linux: the descriptor is gone, whatever close answers.
      const result = real.close(fd);
      return answer('close', () => result);
    },
    flock: (fd, operation) => answer('flock', () => real.flock(fd, operation)),
    getsockopt: (fd, level, option, value, length) =>
      answer('getsockopt', () => real.getsockopt(fd, level, option, value, length)),
  };
}
