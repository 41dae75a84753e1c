import { randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, linkSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BusError, fromSystemError } from '../contract/index.ts';

const SECRET_BYTES = 32;

/**
 * The secret of a bus: 32 random bytes in a file only its owner can read, made by whoever comes first. It shows that a
 * peer may read that file; it is sent over sockets in the owner-only directory and nowhere else.
 *
 * @throws BusError RUNTIME_DIR_UNSAFE when the file is open to others or not what it should be.
 */
export function busSecret(directory: string): string {
  const file = path.join(directory, 'secret');
  const fresh = path.join(directory, `.secret-${randomBytes(8).toString('hex')}`);
  try {
    writeFileSync(fresh, randomBytes(SECRET_BYTES).toString('hex'), { mode: 0o600, flag: 'wx' });
    linkSync(fresh, file);
  } catch (error) {
    // Somebody came first: theirs is the secret.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw fromSystemError(error, 'the bus secret cannot be written', file);
  } finally {
    rmSync(fresh, { force: true });
  }
  return readSecret(file);
}

function readSecret(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw unsafe(file);
    throw fromSystemError(error, 'the bus secret cannot be read', file);
  }
  try {
    const stat = fstatSync(descriptor);
    const buffer = Buffer.alloc(SECRET_BYTES * 2 + 1);
    const bytes = readSync(descriptor, buffer, 0, buffer.length, 0);
    const secret = buffer.toString('latin1', 0, bytes);
    if (stat.isFile() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0 && /^[0-9a-f]{64}$/.test(secret))
      return secret;
  } finally {
    closeSync(descriptor);
  }
  throw unsafe(file);
}

function unsafe(file: string): BusError {
  return new BusError(
    'RUNTIME_DIR_UNSAFE',
    'the bus secret is not a private file of this user with 64 hexadecimal digits',
    {
      where: file,
      remedy: 'stop every participant and remove the file',
    },
  );
}

/** Compares in constant time. */
export function sameSecret(a: string, b: unknown): boolean {
  if (typeof b !== 'string' || b.length !== a.length) return false;
  return timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}
