import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { BusError, fromSystemError } from '../contract/index.ts';

/** Unix socket paths are cut at 108 bytes with the closing zero; Node 20 does so in silence. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** `$BUSBAR_DIR`, else `$XDG_RUNTIME_DIR/busbar`, else `/tmp/busbar-<uid>`. */
export function defaultDirectory(): string {
  const { BUSBAR_DIR, XDG_RUNTIME_DIR } = process.env;
  if (BUSBAR_DIR !== undefined && BUSBAR_DIR !== '') return BUSBAR_DIR;
  if (XDG_RUNTIME_DIR !== undefined && XDG_RUNTIME_DIR !== '') return path.join(XDG_RUNTIME_DIR, 'busbar');
  return path.join(tmpdir(), `busbar-${userInfo().uid}`);
}

/**
 * The folder of one bus, made if missing. It and the runtime directory must be real directories of this user that
 * nobody else may write: whoever can write there can pose as a participant.
 *
 * @throws BusError RUNTIME_DIR_UNSAFE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function prepareDirectory(root: string, bus: string): string {
  return privateDirectory(path.join(privateDirectory(root), bus));
}

/** A directory that nobody else may write, made if missing. Returns its whole path. @throws as `prepareDirectory` */
export function privateDirectory(directory: string): string {
  const whole = path.resolve(directory);
  try {
    mkdirSync(whole, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fromSystemError(error, 'the runtime directory cannot be made', whole);
  }
  assertPrivate(whole);
  return whole;
}

/** @throws BusError RUNTIME_DIR_UNSAFE; ENOENT where there is none */
export function assertPrivate(directory: string): void {
  const stat = lstatSync(directory);
  const uid = process.getuid?.() ?? stat.uid;
  let wrong: string | undefined;
  if (!stat.isDirectory()) wrong = 'it is not a directory (symbolic links are not followed)';
  else if (stat.uid !== uid) wrong = `it belongs to uid ${stat.uid}, not ${uid}`;
  else if ((stat.mode & 0o022) !== 0) wrong = `group or others may write it (mode ${(stat.mode & 0o777).toString(8)})`;
  if (wrong === undefined) return;
  throw new BusError('RUNTIME_DIR_UNSAFE', wrong, {
    where: directory,
    remedy: 'chmod 700 it, remove it, or point BUSBAR_DIR at a directory of your own',
  });
}

/** @throws BusError PATH_TOO_LONG */
export function assertSocketPath(file: string): string {
  const bytes = Buffer.byteLength(file);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return file;
  throw new BusError('PATH_TOO_LONG', `a socket path of ${bytes} bytes exceeds ${MAX_SOCKET_PATH_BYTES}`, {
    where: file,
    remedy: 'use a shorter runtime directory (BUSBAR_DIR) or bus name',
  });
}
