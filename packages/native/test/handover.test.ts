import { once } from 'node:events';
import { closeSync, constants as fs, openSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Handover, handoverPair } from '../src/handover.ts';
import { connectPoint, openPoint } from '../src/handover-point.ts';
import {
  available,
  connectHandover,
  createDoorbell,
  createSharedMemory,
  type Doorbell,
  type HandoverPoint,
  openHandoverPoint,
  type SharedMemory,
} from '../src/index.ts';
import { MAX_DESCRIPTORS, sendPacket } from '../src/socket-message.ts';
import { AF_UNIX, loadSyscalls, MFD_CLOEXEC, type Syscalls } from '../src/syscalls.ts';
import { closeAll, descriptors } from './resources.ts';
import { scratchDirectory, spawnPeer } from './spawned.ts';

/** Its fourth byte is 0: a packet of three bytes says it, too. */
const KEY = 0x34_5678;
const pid = process.pid;
const { O_NONBLOCK } = fs;
let real: Syscalls;
let memory: SharedMemory;
let doorbell: Doorbell;
let rings = 0;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
  real = await loadSyscalls();
  memory = createSharedMemory('handover', 8192);
  doorbell = createDoorbell(() => rings++);
});

const error = (code: string, what = /./) => expect.objectContaining({ code, what: expect.stringMatching(what) });

function pair(): [Handover, Handover] {
  const ends = handoverPair(real);
  onTestFinished(() => closeAll(ends));
  return ends;
}

async function point(): Promise<{ path: string; point: HandoverPoint }> {
  const path = join(await scratchDirectory(), 'point');
  const opened = openHandoverPoint(path);
  onTestFinished(() => opened.close());
  return { path, point: opened };
}

function closeFiles(fds: Iterable<number>): void {
  for (const fd of fds) closeSync(fd);
}

describe('what is handed over', () => {
  test('is usable, and open as long as somebody has it', async () => {
    const { path, point: owner } = await point();
    const before = descriptors();
    const taker = connectHandover(path, pid);
    const page = createSharedMemory('handed', 4096);
    taker.send(KEY, [page.descriptor, doorbell.descriptor]);
    taker.close();
    page.closeDescriptor();
    const accepted = owner.accept(pid);
    const handed = accepted.receive(KEY, 2);
    const theirs = handed.sharedMemory(0, 4096);
    const bell = handed.bell(1);
    for (const one of [handed, accepted]) one.close();
    new Int32Array(page.buffer)[9] = 42;
    expect(new Int32Array(theirs.buffer)[9]).toBe(42);
    const rung = rings;
    bell.ring();
    while (rings === rung) await new Promise((resolve) => setImmediate(resolve));
    for (const one of [bell, theirs, page]) one.close();
    expect(descriptors()).toBe(before);
  });

  test('goes both ways, in order, and each piece once', () => {
    const [one, two] = pair();
    one.send(1, [memory.descriptor]);
    one.send(2, [doorbell.descriptor]);
    two.send(3, []);
    const handed = two.receive(1, 1);
    handed.sharedMemory(0, 8192).close();
    expect(() => handed.sharedMemory(0, 8192)).toThrow(error('MISUSE', /used/));
    expect(() => handed.bell(1)).toThrow(error('MISUSE', /not handed/));
    two.receive(2, 1).close();
    one.receive(3, 0).close();
  });

  test('as many as the kernel carries', () => {
    const [one, two] = pair();
    const before = descriptors();
    const most = Array.from({ length: MAX_DESCRIPTORS }, () => memory.descriptor);
    one.send(KEY, most);
    const handed = two.receive(KEY, MAX_DESCRIPTORS);
    expect(descriptors()).toBe(before + MAX_DESCRIPTORS);
    handed.sharedMemory(MAX_DESCRIPTORS - 1, 8192).close();
    handed.close();
    handed.close();
    expect(descriptors()).toBe(before);
    expect(() => one.send(KEY, [...most, 1])).toThrow(error('MISUSE'));
  });
});

describe('a socket with a name', () => {
  test('is its owner’s alone, appears ready, and goes with close', async () => {
    const { path, point: owner } = await point();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(path))).toEqual(['point']);
    owner.close();
    owner.close();
    expect(readdirSync(dirname(path))).toEqual([]);
    expect(() => owner.accept(pid)).toThrow(error('CLOSED'));
    expect(() => connectHandover(path, pid)).toThrow(error('TRANSPORT_FAILED', /ENOENT/));
  });

  test('displaces nothing, leaves nothing when it fails', async () => {
    const folder = await scratchDirectory();
    writeFileSync(join(folder, '.taken'), 'mine');
    const before = descriptors();
    expect(() => openHandoverPoint(join(folder, 'taken'))).toThrow(error('TRANSPORT_FAILED', /EADDRINUSE/));
    expect(() => openHandoverPoint(join(folder, 'nowhere', 'point'))).toThrow(error('TRANSPORT_FAILED', /ENOENT/));
    const long = join(folder, 'x'.repeat(108));
    expect(() => openHandoverPoint(long)).toThrow(error('PATH_TOO_LONG'));
    expect(() => connectHandover(long, pid)).toThrow(error('PATH_TOO_LONG'));
    const failing = { ...real, listen: () => -constants.errno.EADDRINUSE };
    expect(() => openPoint(failing, join(folder, 'unheard'))).toThrow(error('TRANSPORT_FAILED'));
    expect(readdirSync(folder)).toEqual(['.taken']);
    expect(descriptors()).toBe(before);
  });

  test('with a path as long as there can be', async () => {
    const folder = await scratchDirectory();
    const path = join(folder, 'x'.repeat(107 - folder.length - 2));
    const owner = openHandoverPoint(path);
    const taker = connectHandover(path, pid);
    owner.accept(pid).close();
    taker.close();
    owner.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that nobody listens at any more, or another process', async () => {
    const { path, point: owner } = await point();
    const before = descriptors();
    expect(() => connectHandover(path, pid + 1)).toThrow(error('PROTOCOL_ERROR', /not that of process/));
    expect(() => owner.accept(pid + 1)).toThrow(error('PROTOCOL_ERROR', /has not connected/));
    expect(descriptors()).toBe(before);
  });

  test('refuses who finds no room, and does not wait for it', async () => {
    const { path } = await point();
    const takers: Handover[] = [];
    onTestFinished(() => closeAll(takers));
    const crowd = (): void => {
      for (let i = 0; i < 100; i++) takers.push(connectHandover(path, pid));
    };
    expect(crowd).toThrow(error('TRANSPORT_FAILED', /EAGAIN/));
    expect(takers.length).toBeGreaterThan(0);
  });
});

/** A kernel that says so of whoever is at the other end. */
function seeing(peer: number, uid: number): Syscalls {
  const getsockopt: Syscalls['getsockopt'] = (_fd, _level, _option, value) => {
    value.set([peer, uid, 0]);
    return 0;
  };
  return { ...real, getsockopt };
}

describe('whom it is not for', () => {
  test('another process that comes first is cut off, and who is expected served', async () => {
    const { path, point: owner } = await point();
    const stranger = spawnPeer('meet', path);
    await once(stranger, 'message');
    const taker = connectHandover(path, pid);
    onTestFinished(() => taker.close());
    taker.send(KEY, []);
    const before = descriptors();
    const accepted = owner.accept(pid);
    expect(descriptors()).toBe(before + 1);
    accepted.receive(KEY, 0).close();
    accepted.close();
  });

  test('another user', async () => {
    const { path, point: owner } = await point();
    const taker = connectHandover(path, pid);
    onTestFinished(() => taker.close());
    const foreign = seeing(pid, (process.getuid?.() ?? 0) + 1);
    expect(() => connectPoint(foreign, path, pid)).toThrow(error('PROTOCOL_ERROR'));
    owner.close();
    const guarded = openPoint(foreign, path);
    onTestFinished(() => guarded.close());
    const other = connectHandover(path, pid);
    onTestFinished(() => other.close());
    expect(() => guarded.accept(pid)).toThrow(error('PROTOCOL_ERROR', /has not connected/));
  });

  test('a process outside of our pid namespace has no pid here, and the key decides', async () => {
    const path = join(await scratchDirectory(), 'point');
    const outside = seeing(0, process.getuid?.() ?? 0);
    const owner = openPoint(outside, path);
    onTestFinished(() => owner.close());
    const taker = connectPoint(outside, path, 12);
    onTestFinished(() => taker.close());
    taker.send(KEY + 1, []);
    const accepted = owner.accept(13);
    onTestFinished(() => accepted.close());
    expect(() => accepted.receive(KEY, 0)).toThrow(error('PROTOCOL_ERROR', /key/));
  });
});

describe('what a peer hands over wrongly is closed again', () => {
  let one: Handover;
  let two: Handover;
  let before: number;

  beforeEach(() => {
    [one, two] = handoverPair(real);
    before = descriptors();
  });

  const refuses = (count: number, expected: unknown): void => {
    expect(() => two.receive(KEY, count)).toThrow(expected as Error);
    expect(descriptors()).toBe(before);
    one.close();
    two.close();
  };

  test('nothing', () => refuses(1, error('PROTOCOL_ERROR', /nothing/)));

  test.each([
    [0, 1],
    [1, 2],
    [3, 2],
    [253, 2],
    [1, 0],
  ])('%i descriptors where %i are expected', (sent, expected) => {
    one.send(
      KEY,
      Array.from({ length: sent }, () => memory.descriptor),
    );
    refuses(expected, error('PROTOCOL_ERROR', /instead of/));
  });

  test('another key', () => {
    one.send(KEY + 1, [memory.descriptor]);
    refuses(1, error('PROTOCOL_ERROR', /key/));
  });

  test.each([0, 3, 5, 4096])('a packet of %i bytes', (bytes) => {
    // The key, cut or with zeros behind it.
    const content = new ArrayBuffer(Math.max(4, bytes));
    new Int32Array(content, 0, 1)[0] = KEY;
    const longer: Syscalls = {
      ...real,
      sendmsg: (fd, message, flags) => {
        const header = new BigUint64Array(real.view(message, 80));
        header[56 >> 3] = BigInt(real.address(content));
        header[64 >> 3] = BigInt(bytes);
        return real.sendmsg(fd, message, flags);
      },
    };
    const [raw, end] = rawPair();
    before = descriptors();
    expect(sendPacket(longer, raw, KEY, [memory.descriptor])).toBe(bytes);
    expect(() => end.receive(KEY, 1)).toThrow(error('PROTOCOL_ERROR', /key/));
    expect(descriptors()).toBe(before);
  });

  test('the end of the connection', () => {
    one.close();
    before = descriptors();
    refuses(1, error('TRANSPORT_FAILED', /closed/));
  });

  test('where the kernel had to leave some out, there was no room for them', () => {
    const cut: Syscalls = {
      ...real,
      recvmsg: (fd, message, flags) => {
        // Room for one descriptor.
        new BigUint64Array(real.view(message, 80))[40 >> 3] = 20n;
        return real.recvmsg(fd, message, flags);
      },
    };
    const [giver, taker] = handoverPair(cut);
    onTestFinished(() => closeAll([giver, taker]));
    giver.send(KEY, [memory.descriptor, doorbell.descriptor]);
    before = descriptors();
    expect(() => taker.receive(KEY, 2)).toThrow(error('RESOURCE_EXHAUSTED', /not all/));
    expect(descriptors()).toBe(before);
    one.close();
    two.close();
  });

  test('what is no memory, or not sealed', () => {
    const unsealed = real.memfd_create('unsealed', MFD_CLOEXEC);
    const device = openSync('/dev/null', 'r+');
    onTestFinished(() => closeFiles([unsealed, device]));
    one.send(KEY, [doorbell.descriptor, device, unsealed, memory.descriptor]);
    before = descriptors();
    const handed = two.receive(KEY, 4);
    expect(() => handed.sharedMemory(0, 8192)).toThrow(error('PROTOCOL_ERROR', /no file/));
    expect(() => handed.sharedMemory(1, 8192)).toThrow(error('PROTOCOL_ERROR', /no file/));
    expect(() => handed.sharedMemory(2, 8192)).toThrow(error('PROTOCOL_ERROR', /not sealed/));
    expect(() => handed.sharedMemory(3, 4096)).toThrow(error('PROTOCOL_ERROR', /is 8192 bytes/));
    expect(() => handed.sharedMemory(3, 0)).toThrow(error('MISUSE'));
    handed.close();
    refuses(1, error('PROTOCOL_ERROR'));
  });

  test('what is no bell, or one that could stop who rings it', () => {
    const ends = new Int32Array(2);
    real.pipe2(ends, 0);
    const quick = new Int32Array(2);
    real.pipe2(quick, O_NONBLOCK);
    onTestFinished(() => closeFiles([...ends, ...quick]));
    one.send(KEY, [memory.descriptor, ends[1], quick[0], quick[1]]);
    before = descriptors();
    const handed = two.receive(KEY, 4);
    expect(() => handed.bell(0)).toThrow(error('PROTOCOL_ERROR', /no pipe/));
    expect(() => handed.bell(1)).toThrow(error('PROTOCOL_ERROR', /never blocks/));
    expect(() => handed.bell(2)).toThrow(error('PROTOCOL_ERROR', /never blocks/));
    handed.bell(3).close();
    handed.close();
    refuses(1, error('PROTOCOL_ERROR'));
  });
});

/** A connected pair of which one end is a bare descriptor. */
function rawPair(): [number, Handover] {
  const fds: number[] = [];
  const spying: Syscalls = {
    ...real,
    socketpair: (domain, type, both) => {
      const result = real.socketpair(domain, type, both);
      fds.push(...both);
      return result;
    },
  };
  const [first, second] = handoverPair(spying);
  onTestFinished(() => closeAll([first, second]));
  return [fds[0], second];
}

test('a call on a socket that is closed is refused', () => {
  const [one, two] = pair();
  one.close();
  one.close();
  expect(() => one.send(KEY, [])).toThrow(error('CLOSED'));
  expect(() => one.receive(KEY, 0)).toThrow(error('CLOSED'));
  expect(() => two.send(KEY, [])).toThrow(error('TRANSPORT_FAILED', /EPIPE/));
  expect(real.socket(AF_UNIX, 99)).toBeLessThan(0);
});
