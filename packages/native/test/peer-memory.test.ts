import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { available, createDoorbell, createSharedMemory, openBell, openSharedMemory } from '../src/index.ts';
import { SEALS } from '../src/shared-memory.ts';
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  loadSyscalls,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  type Syscalls,
} from '../src/syscalls.ts';
import { descriptors } from './resources.ts';
import { scratchDirectory } from './spawned.ts';

let syscalls: Syscalls;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
  syscalls = await loadSyscalls();
});

const protocolError = (what: RegExp) =>
  expect.objectContaining({ code: 'PROTOCOL_ERROR', what: expect.stringMatching(what) });

function memfd(bytes: number, seals: number): number {
  const fd = syscalls.memfd_create('hostile', MFD_CLOEXEC | MFD_ALLOW_SEALING);
  onTestFinished(() => closeSync(fd));
  ftruncateSync(fd, bytes);
  expect(syscalls.fcntl(fd, F_ADD_SEALS, seals)).toBe(0);
  return fd;
}

function refused(descriptor: number, maxBytes: number, what: RegExp): void {
  const before = descriptors();
  expect(() => openSharedMemory(process.pid, descriptor, maxBytes)).toThrow(protocolError(what));
  expect(descriptors()).toBe(before);
}

test.each([
  ['no seal at all', 0],
  ['it could shrink', F_SEAL_GROW | F_SEAL_SEAL],
  ['it could grow', F_SEAL_SHRINK | F_SEAL_SEAL],
  ['a seal could be added', F_SEAL_SHRINK | F_SEAL_GROW],
])('refused: %s', (_, seals) => {
  refused(memfd(4096, seals), 4096, /not sealed/);
});

test.each([
  [0, 4096],
  [100, 4096],
  [4097, 8192],
  [8192, 4096],
  [8192, 8191],
])('refused: %i bytes where %i are allowed', (bytes, maxBytes) => {
  refused(memfd(bytes, SEALS), maxBytes, /is \d+ bytes/);
});

test('accepted: sealed, and as large as allowed', () => {
  const opened = openSharedMemory(process.pid, memfd(8192, SEALS), 8192);
  expect(opened.bytes).toBe(8192);
  opened.close();
});

test('refused: files, devices and pipes', async () => {
  const path = join(await scratchDirectory(), 'file');
  writeFileSync(path, Buffer.alloc(4096));
  const file = openSync(path, 'r+');
  const device = openSync('/dev/null', 'r+');
  const doorbell = createDoorbell(() => {});
  onTestFinished(() => {
    closeSync(file);
    closeSync(device);
    doorbell.close();
  });
  refused(file, 4096, /shared memory|not sealed/);
  refused(device, 4096, /no file/);
  refused(doorbell.descriptor, 4096, /no file/);
});

test('refused as a bell: everything but a pipe', () => {
  const memory = createSharedMemory('no-bell', 4096);
  const device = openSync('/dev/null', 'r+');
  onTestFinished(() => {
    memory.close();
    closeSync(device);
  });
  const before = descriptors();
  for (const descriptor of [memory.descriptor, device]) {
    expect(() => openBell(process.pid, descriptor)).toThrow(protocolError(/no pipe/));
  }
  expect(descriptors()).toBe(before);
});

test.each([
  [0, 1],
  [-1, 1],
  [1.5, 1],
  [Number.NaN, 1],
  ['../1' as unknown as number, 1],
  [process.pid, -1],
  [process.pid, 0.5],
  [process.pid, '1/../2' as unknown as number],
])('pid %s with descriptor %s is refused unlooked', (pid, descriptor) => {
  expect(() => openSharedMemory(pid, descriptor, 4096)).toThrow(protocolError(/no numbers/));
  expect(() => openBell(pid, descriptor)).toThrow(protocolError(/no numbers/));
});

test('a process or descriptor that is not there is a failure with its errno', () => {
  const failure = expect.objectContaining({
    code: 'TRANSPORT_FAILED',
    where: expect.stringMatching(/^\/proc\/\d+\/fd\/\d+$/),
    cause: expect.objectContaining({ code: 'ENOENT', syscall: 'open' }),
  });
  // Above the highest pid that Linux gives.
  for (const [pid, descriptor] of [
    [2 ** 22 + 1, 1],
    [process.pid, 1_000_000],
  ]) {
    expect(() => openSharedMemory(pid, descriptor, 4096)).toThrow(failure);
    expect(() => openBell(pid, descriptor)).toThrow(failure);
  }
});
