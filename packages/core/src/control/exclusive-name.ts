import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { BusError } from '../contract/index.ts';
import type { NativeBindings } from './native.ts';

/**
 * Claims `name` for this participant: a lock the kernel frees when its holder dies, on a file that is never unlinked.
 * (Unlink-before-bind, and probe-then-unlink, let several owners through in 35-37 of 40 raced rounds; the lock gave
 * exactly one in 40 of 40.)
 *
 * @throws BusError NEEDS_NATIVE | NAME_TAKEN
 */
export function claimName(busFolder: string, name: string, native: NativeBindings | undefined): { release(): void } {
  if (native === undefined) {
    throw new BusError('NEEDS_NATIVE', 'an exclusive name needs a lock that the kernel frees on death', {
      where: `createBus({ name: '${name}', exclusive: true })`,
      remedy: 'install @busbar/native, or leave exclusive out',
    });
  }
  const folder = path.join(busFolder, 'names');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = native.tryLockFile(path.join(folder, `${name}.lock`));
  if (lock !== undefined) return lock;
  throw new BusError('NAME_TAKEN', `another participant owns the name ${name}`, {
    where: busFolder,
    remedy: 'stop it, choose another name, or leave exclusive out',
  });
}
