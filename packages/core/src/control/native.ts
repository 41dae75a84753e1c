import type { Socket } from 'node:net';

/** What core takes from `@busbar/native` when the application has installed it. */
export interface NativeBindings {
  /** SO_PEERCRED of a connected Unix socket. */
  peerCredentials(descriptor: number): { readonly pid: number; readonly uid: number; readonly gid: number };
  /** flock on a file that is never unlinked; undefined while somebody else holds it. */
  tryLockFile(path: string): { release(): void } | undefined;
}

// Not a literal: the package is optional, and core must build and bundle without it.
const PACKAGE: string = '@busbar/native';

/** Undefined where the package is missing or cannot work here; core then does without, and says so where it matters. */
export async function loadNative(): Promise<NativeBindings | undefined> {
  try {
    const native = (await import(PACKAGE)) as NativeBindings & {
      available(): { available: boolean } | Promise<{ available: boolean }>;
    };
    return (await native.available()).available ? native : undefined;
  } catch {
    return undefined;
  }
}

/** The descriptor under a socket; a private field of Node, so undefined is possible. */
export function descriptorOf(socket: Socket): number | undefined {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}
