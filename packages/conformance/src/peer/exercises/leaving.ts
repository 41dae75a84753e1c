import type { Host } from '../host.ts';

/** Ends by itself: sets the exit code, lets go of the harness, and waits for nothing. */
export function leave(_host: Host, code: number): void {
  process.exitCode = code;
  process.removeAllListeners('disconnect');
  // After the answer to this call is out.
  setImmediate(() => process.disconnect());
}

/** Ends by process.exit with everything open. */
export function quit(_host: Host, code: number): void {
  setImmediate(() => process.exit(code));
}

/** Ends by an error that nobody catches, with everything open. */
export function crash(_host: Host): void {
  setImmediate(() => {
    throw new Error('planted');
  });
}

/** Becomes a user who may do nothing special; false where this process is none that could. */
export function dropPrivileges(_host: Host): boolean {
  if (process.getuid?.() !== 0) return false;
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
  return true;
}

const NOBODY = 65_534;
