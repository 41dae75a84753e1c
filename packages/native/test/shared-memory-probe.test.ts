import { constants } from 'node:os';
import { beforeAll, expect, test } from 'vitest';
import { sharedMemoryAvailable } from '../src/index.ts';
import { probeSharedMemory } from '../src/shared-memory-probe.ts';
import { loadSyscalls, type Syscalls } from '../src/syscalls.ts';
import { failing, failingAt } from './failing-syscalls.ts';
import { descriptors, mappings } from './resources.ts';
import { output } from './spawned.ts';

let real: Syscalls;

beforeAll(async () => {
  real = await loadSyscalls();
});

const because = (code: string) => ({
  available: false,
  code,
  reason: expect.stringMatching(/./),
  fix: expect.stringMatching(/./),
});

test('it is available here, and the trial leaves nothing', async () => {
  await sharedMemoryAvailable();
  const before = descriptors();
  expect(await sharedMemoryAvailable()).toEqual({ available: true });
  expect(descriptors()).toBe(before);
  expect(mappings('busbar-probe')).toBe(0);
});

test.each([
  ['memfd_create', 'ENOSYS', 'NO_KERNEL_SUPPORT'],
  ['memfd_create', 'EPERM', 'PERMISSION_DENIED'],
  ['memfd_create', 'EMFILE', 'RESOURCE_EXHAUSTED'],
  ['posix_fallocate', 'ENOSPC', 'RESOURCE_EXHAUSTED'],
  ['fcntl', 'EINVAL', 'NO_KERNEL_SUPPORT'],
  ['open', 'ENFILE', 'RESOURCE_EXHAUSTED'],
  ['mmap', 'EPERM', 'PERMISSION_DENIED'],
  ['mmap', 'ENOMEM', 'RESOURCE_EXHAUSTED'],
] as const)('%s failing with %s is %s', (name, errno, code) => {
  expect(probeSharedMemory(failing(real, name, errno))).toEqual(because(code));
});

test.each(['ENOENT', 'EACCES', 'EPERM'] as const)('where /proc answers %s, handing over is enough', (errno) => {
  const before = descriptors();
  const hidden = failing(real, 'open', errno);
  expect(probeSharedMemory(hidden)).toEqual({ available: true });
  expect(probeSharedMemory(failing(hidden, 'socketpair', 'EACCES'))).toEqual(because('PERMISSION_DENIED'));
  expect(probeSharedMemory(failing(hidden, 'sendmsg', 'EPERM'))).toEqual(because('PERMISSION_DENIED'));
  expect(probeSharedMemory(failing(hidden, 'recvmsg', 'EMFILE'))).toEqual(because('RESOURCE_EXHAUSTED'));
  expect([descriptors(), mappings('busbar-probe')]).toEqual([before, 0]);
});

test('an engine without external buffers says so', () => {
  const view = () => {
    throw new Error('This runtime does not support external buffers');
  };
  expect(probeSharedMemory({ ...real, view })).toEqual(because('NO_EXTERNAL_BUFFERS'));
});

test('memory that is not the same memory is no shared memory', () => {
  const view = (_: number, bytes: number) => new ArrayBuffer(bytes);
  expect(probeSharedMemory({ ...real, view })).toEqual(because('NO_KERNEL_SUPPORT'));
});

test('whichever call fails, there is an answer and nothing leaks', () => {
  const before = descriptors();
  for (let n = 1; n <= 14; n++) {
    const syscalls = failingAt(real, n, constants.errno.EPERM);
    const answer = probeSharedMemory(syscalls);
    expect(answer.available).toBe(['close', 'open'].includes(syscalls.calls[n - 1]));
    expect([n, descriptors(), mappings('busbar-probe')]).toEqual([n, before, 0]);
  }
});

test('addresses of 32 bits are refused untried', async () => {
  const script = `
    import { available, sharedMemoryAvailable } from '@busbar/native';
    await available();
    Object.defineProperty(process, 'arch', { value: 'arm' });
    console.log((await sharedMemoryAvailable()).code);`;
  expect(await output(script)).toBe('UNSUPPORTED_PLATFORM');
});
