import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isBusError } from '@busbar/core/contract';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPeerBell } from '../src/bell.ts';
import { hangDoorbell } from '../src/doorbell.ts';
import { allocateFileBytes, mapFileBytes } from '../src/file-mapping.ts';
import { handoverPair } from '../src/handover.ts';
import { connectPoint, openPoint } from '../src/handover-point.ts';
import { mapPeerMemory } from '../src/peer-memory.ts';
import { allocateSharedMemory } from '../src/shared-memory.ts';
import { loadSyscalls, O_CLOEXEC, type Syscalls } from '../src/syscalls.ts';
import { failingAt } from './failing-syscalls.ts';
import { collectGarbage, descriptors, mappings } from './resources.ts';
import { output } from './spawned.ts';

const LABEL = 'kernel-failures';
const pid = process.pid;

let real: Syscalls;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'native-'));
  real = await loadSyscalls();
  // The first pipe of an event loop makes libuv open a spare descriptor.
  hangDoorbell(real, () => {}).close();
});

afterAll(() => rmSync(folder, { recursive: true }));

type Opened = { close(): void };
type Open = (syscalls: Syscalls, memory: number, doorbell: number) => Opened;

const CALLS_OF_A_HANDOVER = 'socket bind listen socket connect getsockopt sendmsg accept4 getsockopt recvmsg '
  .concat('fstat fcntl fstat mmap view close fstat fcntl')
  .split(' ');

const OPENS: Record<string, { calls: string[]; open: Open }> = {
  createSharedMemory: {
    calls: ['memfd_create', 'posix_fallocate', 'fcntl', 'mmap', 'view'],
    open: (syscalls) => allocateSharedMemory(syscalls, LABEL, 8192),
  },
  openSharedMemory: {
    calls: ['open', 'fstat', 'open', 'close', 'fcntl', 'fstat', 'mmap', 'view', 'close'],
    open: (syscalls, memory) => mapPeerMemory(syscalls, pid, memory, 8192),
  },
  mapFile: {
    calls: ['posix_fallocate', 'fstat', 'mmap', 'view'],
    open: (syscalls, memory) => {
      allocateFileBytes(syscalls, memory, 8192, LABEL);
      return mapFileBytes(syscalls, memory, 8192, 'read-write', LABEL);
    },
  },
  createDoorbell: { calls: ['pipe2'], open: (syscalls) => hangDoorbell(syscalls, () => {}) },
  openBell: {
    calls: ['open', 'fstat', 'open', 'close'],
    open: (syscalls, _, doorbell) => openPeerBell(syscalls, pid, doorbell),
  },
  handover: {
    calls: CALLS_OF_A_HANDOVER,
    open: handedOver,
  },
};

function handedOver(syscalls: Syscalls, memory: number, doorbell: number): Opened {
  const opened: Opened[] = [];
  const add = <T extends Opened>(one: T): T => {
    opened.push(one);
    return one;
  };
  const close = (): void => {
    for (const one of opened.splice(0)) one.close();
  };
  const path = join(folder, 'point');
  try {
    const point = add(openPoint(syscalls, path));
    add(connectPoint(syscalls, path, pid)).send(1, [memory, doorbell]);
    const handed = add(add(point.accept(pid)).receive(1, 2));
    add(handed.sharedMemory(0, 8192));
    add(handed.bell(1));
    return { close };
  } catch (error) {
    close();
    expect(readdirSync(folder)).toEqual([]);
    throw error;
  }
}

const CASES = Object.entries(OPENS).flatMap(([name, { calls, open }]) =>
  (['ENOMEM', 'EMFILE', 'ENOSPC', 'EPERM'] as const).map((errno) => ({ name, calls, open, errno })),
);

test.each(CASES)(
  '$name: whichever call fails with $errno, the error is typed and nothing leaks',
  ({ calls, open, errno }) => {
    const memory = allocateSharedMemory(real, `${LABEL}-source`, 8192);
    const doorbell = hangDoorbell(real, () => {});
    onTestFinished(() => {
      memory.close();
      doorbell.close();
    });
    const before = descriptors();
    const mapped = () => mappings(LABEL) + mappings(`${LABEL}-source`);
    const mappedBefore = mapped();
    for (let n = 1; n <= calls.length; n++) {
      const syscalls = failingAt(real, n, constants.errno[errno]);
      const attempt = attempted(() => open(syscalls, memory.descriptor, doorbell.descriptor));
      expect(syscalls.calls.slice(0, n)).toEqual(calls.slice(0, n));
      // Only a close may fail without consequence.
      expect(attempt === undefined).toBe(calls[n - 1] === 'close');
      if (attempt !== undefined) expect(attempt).toMatchObject(expected(calls[n - 1], errno));
      expect([n, descriptors(), mapped()]).toEqual([n, before, mappedBefore]);
    }
  },
);

/** The error of `open`; undefined when it succeeded, and was closed again. */
function attempted(open: () => Opened): unknown {
  let opened: Opened;
  try {
    opened = open();
  } catch (error) {
    expect(isBusError(error)).toBe(true);
    return error;
  }
  opened.close();
  return undefined;
}

function expected(call: string, errno: string): object {
  const where = expect.any(String);
  if (call === 'view') return { code: 'TRANSPORT_UNAVAILABLE', where, remedy: expect.any(String) };
  const code = errno === 'EPERM' ? 'TRANSPORT_FAILED' : 'RESOURCE_EXHAUSTED';
  return { code, where, cause: { code: errno, syscall: call } };
}

test('a pipe that cannot be watched is closed again', () => {
  const before = descriptors();
  const notPipes = {
    ...real,
    pipe2: (fds: Int32Array) => {
      fds.set([real.open('/dev/null', 0, 0), real.open('/dev/null', 0, 0)]);
      return 0;
    },
  };
  expect(() => hangDoorbell(notPipes, () => {})).toThrow(
    expect.objectContaining({ code: 'TRANSPORT_FAILED', where: 'doorbell', cause: expect.any(Error) }),
  );
  expect(descriptors()).toBe(before);
});

test('a range that could not be replaced is never unmapped', async () => {
  /** Opened, closed and dropped; the names of the calls, to which its collection adds. */
  const collectable = (n: number): string[] => {
    const syscalls = failingAt(real, n, constants.errno.ENOMEM);
    allocateSharedMemory(syscalls, `${LABEL}-kept`, 4096).close();
    return syscalls.calls;
  };
  const NEVER = 0;
  const TOMBSTONE = 7;
  const kept = collectable(TOMBSTONE);
  const freed = collectable(NEVER);
  expect(kept.slice(5)).toEqual(['close', 'mmap']);
  expect(mappings(`${LABEL}-kept`)).toBe(1);
  while (!freed.includes('munmap')) {
    collectGarbage();
    await turn();
  }
  expect(kept).not.toContain('munmap');
});

test('nothing is inherited by a child process', () => {
  const flags: number[] = [];
  const open: Syscalls['open'] = (path, given, mode) => {
    flags.push(given);
    return real.open(path, given, mode);
  };
  // Not the descriptor of the listing itself.
  const listed = () => readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fd/${fd}`));
  const before = listed();
  const memory = allocateSharedMemory(real, LABEL, 4096);
  const doorbell = hangDoorbell(real, () => {});
  const bell = openPeerBell({ ...real, open }, pid, doorbell.descriptor);
  const peer = mapPeerMemory({ ...real, open }, pid, memory.descriptor, 4096);
  const path = join(folder, 'point');
  const point = openPoint(real, path);
  const guest = connectPoint(real, path, pid);
  guest.send(1, [memory.descriptor]);
  const host = point.accept(pid);
  const handed = host.receive(1, 1);
  const pair = handoverPair(real);
  onTestFinished(() => {
    for (const one of [memory, doorbell, bell, peer, point, guest, host, handed, ...pair]) one.close();
  });
  const opened = listed().filter((fd) => !before.includes(fd));
  expect(opened).toHaveLength(10);
  for (const fd of opened) {
    const [, octal] = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    flags.push(Number.parseInt(octal, 8));
  }
  expect(flags).toHaveLength(14);
  for (const flag of flags) expect(flag & O_CLOEXEC).toBe(O_CLOEXEC);
});

test('out of descriptors for real: refused, and as good as before once some are closed', async () => {
  const script = `
    import { execFileSync } from 'node:child_process';
    import { available, createDoorbell, createSharedMemory, openSharedMemory } from '@busbar/native';
    await available();
    const first = createSharedMemory('limit', 4096);
    createDoorbell(() => {}).close();
    execFileSync('prlimit', ['--pid', process.pid, '--nofile=64:']);
    const codes = new Set();
    for (const make of [() => createSharedMemory('limit', 4096), () => createDoorbell(() => {})]) {
      const opened = [];
      try { for (;;) opened.push(make()); } catch (error) { codes.add(error.code + ' ' + error.cause.code); }
      try { openSharedMemory(process.pid, first.descriptor, 4096); } catch (error) { codes.add(error.cause.code); }
      for (const one of opened) one.close();
      make().close();
    }
    console.log([...codes].join());`;
  expect(await output(script)).toBe('RESOURCE_EXHAUSTED EMFILE,EMFILE');
});
