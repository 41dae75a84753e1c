import { once } from 'node:events';
import { readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { lockFile } from '../src/file-lock.ts';
import { available, tryLockFile } from '../src/index.ts';
import { loadSyscalls } from '../src/syscalls.ts';
import { failingAt } from './failing-syscalls.ts';
import { descriptors } from './resources.ts';
import { killed, scratchDirectory, spawnPeer } from './spawned.ts';

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

const lockPath = async (): Promise<string> => join(await scratchDirectory(), 'name.lock');

test('one holder at a time, in this process too; release may be called twice', async () => {
  const path = await lockPath();
  const before = descriptors();
  const lock = tryLockFile(path);
  expect(lock?.path).toBe(path);
  expect(tryLockFile(path)).toBeUndefined();
  lock?.release();
  lock?.release();
  const next = tryLockFile(path);
  expect(next).toBeDefined();
  next?.release();
  expect(descriptors()).toBe(before);
});

test('the file is for its owner and stays after release', async () => {
  const path = await lockPath();
  tryLockFile(path)?.release();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('the kernel frees the lock of a holder killed with -9', async () => {
  const path = await lockPath();
  const child = spawnPeer('hold-lock', path);
  expect(await once(child, 'message')).toContain('held');
  expect(tryLockFile(path)).toBeUndefined();
  await killed(child);
  const lock = tryLockFile(path);
  expect(lock).toBeDefined();
  lock?.release();
});

test('a child does not inherit the lock', async () => {
  const path = await lockPath();
  const other = join(await scratchDirectory(), 'other.lock');
  const lock = tryLockFile(path);
  const child = spawnPeer('hold-lock', other);
  await once(child, 'message');
  lock?.release();
  const next = tryLockFile(path);
  expect(next).toBeDefined();
  next?.release();
});

test('a symbolic link is not followed', async () => {
  const directory = await scratchDirectory();
  const target = join(directory, 'target');
  await writeFile(target, '');
  await symlink(target, join(directory, 'link'));
  expect(() => tryLockFile(join(directory, 'link'))).toThrow(
    expect.objectContaining({ code: 'TRANSPORT_FAILED', cause: expect.objectContaining({ code: 'ELOOP' }) }),
  );
  expect(await readdir(directory)).toHaveLength(2);
});

test.each([
  [1, 'EMFILE', 'RESOURCE_EXHAUSTED', ['open']],
  [1, 'EACCES', 'TRANSPORT_FAILED', ['open']],
  [2, 'ENOLCK', 'TRANSPORT_FAILED', ['open', 'flock', 'close']],
  [2, 'EINTR', 'TRANSPORT_FAILED', ['open', 'flock', 'close']],
] as const)('call %i failing with %s is %s and leaks nothing', async (n, errno, code, calls) => {
  const path = await lockPath();
  const syscalls = failingAt(await loadSyscalls(), n, constants.errno[errno]);
  const before = descriptors();
  expect(() => lockFile(syscalls, path)).toThrow(
    expect.objectContaining({ code, where: path, cause: expect.objectContaining({ code: errno }) }),
  );
  expect(syscalls.calls).toEqual(calls);
  expect(descriptors()).toBe(before);
});

test('a failing close frees the lock all the same', async () => {
  const path = await lockPath();
  lockFile(failingAt(await loadSyscalls(), 3, constants.errno.EIO), path)?.release();
  const lock = tryLockFile(path);
  expect(lock).toBeDefined();
  lock?.release();
});
