import { constants } from 'node:os';
import { type BusError, fromSystemError } from '@busbar/core/contract';

/** libuv names only the errnos it uses itself; flock's ENOLCK, for one, is missing there. */
function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/** The typed error of a call that returned `-errno`, with the errno's name in its cause, as Node's own errors have. */
export function systemError(result: number, syscall: string, what: string, where: string): BusError {
  const code = errnoName(-result);
  const cause = Object.assign(new Error(`${syscall} failed with ${code}`), { code, errno: result, syscall });
  return fromSystemError(cause, what, where);
}
