import { constants } from 'node:os';
import type { Syscalls } from '../src/syscalls.ts';

type Call = (...args: unknown[]) => unknown;

/** Like Linux: done, whatever the answer is. */
const DONE_ALL_THE_SAME = ['close'];
/** No call of the kernel. */
const UNCOUNTED = ['address'];

/**
 * A kernel whose `n`th call, counted from 1, fails with `errno`; `calls` has the names of those made. A view counts as
 * a call, too, and fails with an exception.
 */
export function failingAt(real: Syscalls, n: number, errno: number): Syscalls & { readonly calls: string[] } {
  const calls: string[] = [];
  const counted = (name: string, call: Call): Call => {
    if (UNCOUNTED.includes(name)) return call;
    return (...args) => {
      calls.push(name);
      if (calls.length !== n) return call(...args);
      if (DONE_ALL_THE_SAME.includes(name)) call(...args);
      if (name === 'view') throw new Error('This runtime does not support external buffers');
      return -errno;
    };
  };
  const wrapped = Object.entries(real).map(([name, call]) => [name, counted(name, call as Call)]);
  return { ...Object.fromEntries(wrapped), calls } as Syscalls & { readonly calls: string[] };
}

/** A kernel in which `name` always fails with `errno`. */
export function failing(real: Syscalls, name: keyof Syscalls, errno: keyof typeof constants.errno): Syscalls {
  return { ...real, [name]: () => -constants.errno[errno] };
}
