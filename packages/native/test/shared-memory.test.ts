import { once } from 'node:events';
import { constants } from 'node:os';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { available, createSharedMemory, openBell, openSharedMemory } from '../src/index.ts';
import { allocateSharedMemory } from '../src/shared-memory.ts';
import { F_ADD_SEALS, loadSyscalls } from '../src/syscalls.ts';
import { failing, failingAt } from './failing-syscalls.ts';
import { descriptors, mappings } from './resources.ts';
import { killed, output, spawnPeer } from './spawned.ts';

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

const GIB = 2 ** 30;
const F_SEAL_WRITE = 0x8;

function shared(label: string, bytes: number) {
  const memory = createSharedMemory(label, bytes);
  onTestFinished(() => memory.close());
  return memory;
}

test('new memory is all zero, and one buffer', () => {
  const memory = shared('fresh', 65_536);
  expect(memory.bytes).toBe(65_536);
  expect(memory.buffer).toBeInstanceOf(ArrayBuffer);
  expect(memory.buffer).toBe(memory.buffer);
  expect(memory.buffer.byteLength).toBe(65_536);
  expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
});

test('what one mapping writes the other reads', () => {
  const memory = shared('both', 8192);
  const opened = openSharedMemory(process.pid, memory.descriptor, 8192);
  onTestFinished(() => opened.close());
  new Int32Array(memory.buffer)[2047] = 42;
  expect(new Int32Array(opened.buffer)[2047]).toBe(42);
  Atomics.store(new Int32Array(opened.buffer), 0, 7);
  expect(Atomics.load(new Int32Array(memory.buffer), 0)).toBe(7);
  expect(opened.bytes).toBe(8192);
  expect(opened.descriptor).toBe(-1);
});

test('without its descriptor the mapping stays, and nobody else can open it', () => {
  const before = descriptors();
  const memory = shared('closed-descriptor', 4096);
  const { descriptor } = memory;
  const opened = openSharedMemory(process.pid, descriptor, 4096);
  onTestFinished(() => opened.close());
  memory.closeDescriptor();
  memory.closeDescriptor();
  expect(memory.descriptor).toBe(-1);
  expect(descriptors()).toBe(before);
  new Uint8Array(memory.buffer)[9] = 9;
  expect(new Uint8Array(opened.buffer)[9]).toBe(9);
  expect(() => openSharedMemory(process.pid, descriptor, 4096)).toThrow(
    expect.objectContaining({ code: 'TRANSPORT_FAILED', cause: expect.objectContaining({ code: 'ENOENT' }) }),
  );
});

test('close may be called twice, and takes the descriptor with it', () => {
  const before = descriptors();
  const memory = createSharedMemory('close-twice', 4096);
  expect(mappings('close-twice')).toBe(1);
  memory.close();
  memory.close();
  memory.closeDescriptor();
  expect(memory.descriptor).toBe(-1);
  expect(descriptors()).toBe(before);
  expect(mappings('close-twice')).toBe(0);
});

test.each([0, -4096, 4095, 6144, 0.5, Number.NaN, 4 * GIB + 4096, Number.POSITIVE_INFINITY])(
  '%d bytes are a misuse',
  (bytes) => {
    expect(() => createSharedMemory('odd', bytes)).toThrow(
      expect.objectContaining({ code: 'MISUSE', where: "memfd 'odd'", remedy: expect.stringContaining('4096') }),
    );
  },
);

test('so are a label that is too long, and a limit over 4 GiB', () => {
  const misuse = expect.objectContaining({ code: 'MISUSE' });
  shared('é'.repeat(124), 4096);
  expect(() => createSharedMemory('é'.repeat(125), 4096)).toThrow(misuse);
  const { descriptor } = shared('limit', 4096);
  for (const maxBytes of [4 * GIB + 1, 0, Number.NaN]) {
    expect(() => openSharedMemory(process.pid, descriptor, maxBytes)).toThrow(misuse);
  }
});

test('two processes see each other write', async () => {
  const child = spawnPeer('share-page');
  const [[memory, doorbell]] = (await once(child, 'message')) as [[number, number]];
  const opened = openSharedMemory(child.pid as number, memory, 4096);
  const bell = openBell(child.pid as number, doorbell);
  onTestFinished(() => {
    opened.close();
    bell.close();
  });
  const words = new Int32Array(opened.buffer);
  for (const word of [1, 40, 1000]) {
    words[0] = word;
    bell.ring();
    await once(child, 'message');
    expect(words[1]).toBe(word + 1);
  }
});

test('no peer can change the size, nor add a seal', async () => {
  const memory = shared('sealed', 8192);
  const child = spawnPeer('share-page');
  await once(child, 'message');
  child.send(memory.descriptor);
  expect(await once(child, 'message')).toEqual([['EPERM', 'EPERM', 'EPERM'], undefined]);
  const kernel = await loadSyscalls();
  expect(kernel.fcntl(memory.descriptor, F_ADD_SEALS, F_SEAL_WRITE)).toBe(-constants.errno.EPERM);
  new Uint8Array(memory.buffer)[8191] = 1;
});

test('a killed peer leaves its memory to us until we close it, and nothing after', async () => {
  const before = descriptors();
  const child = spawnPeer('share-page');
  const [[memory]] = (await once(child, 'message')) as [[number]];
  const opened = openSharedMemory(child.pid as number, memory, 4096);
  await killed(child);
  const words = new Int32Array(opened.buffer);
  words[0] = 5;
  expect(words[0]).toBe(5);
  expect(mappings('shared-page')).toBe(1);
  opened.close();
  expect(mappings('shared-page')).toBe(0);
  expect(descriptors()).toBeLessThanOrEqual(before);
});

test('a kernel without MFD_NOEXEC_SEAL is asked again; a signal does not end the allocation', async () => {
  const real = await loadSyscalls();
  const old = failingAt(real, 1, constants.errno.EINVAL);
  allocateSharedMemory(old, 'old', 4096).close();
  expect(old.calls.slice(0, 3)).toEqual(['memfd_create', 'memfd_create', 'posix_fallocate']);
  const interrupted = failingAt(real, 2, constants.errno.EINTR);
  allocateSharedMemory(interrupted, 'interrupted', 4096).close();
  expect(interrupted.calls.slice(0, 3)).toEqual(['memfd_create', 'posix_fallocate', 'posix_fallocate']);
  const before = descriptors();
  expect(() => allocateSharedMemory(failing(real, 'posix_fallocate', 'EINTR'), 'storm', 4096)).toThrow(/EINTR/);
  expect(descriptors()).toBe(before);
});

test.each(['', 'process.exit();', 'setInterval(() => {}, 1000).unref();'])(
  'memory may be open at the end of a process: %s',
  async (end) => {
    // Node detaches every such buffer then, and aborts where that is forbidden (markAsUntransferable on Node 24).
    const script = `
    import { available, createDoorbell, createSharedMemory, openSharedMemory } from '@busbar/native';
    await available();
    const memory = createSharedMemory('open', 4096);
    const kept = [memory, openSharedMemory(process.pid, memory.descriptor, 4096), createDoorbell(() => {})];
    createSharedMemory('closed', 4096).close();
    console.log(kept.length);
    ${end}`;
    expect(await output(script)).toBe('3');
  },
);
