import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { available, peerCredentials } from '../src/index.ts';
import { readPeerCredentials } from '../src/peer-credentials.ts';
import { loadSyscalls } from '../src/syscalls.ts';
import { failingAt } from './failing-syscalls.ts';
import { scratchDirectory, spawnPeer } from './spawned.ts';

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

/** Node shows a socket's descriptor here only. */
const fdOf = (socket: unknown): number => (socket as { _handle: { fd: number } })._handle.fd;

test('they are those of the process that connected', async () => {
  const path = join(await scratchDirectory(), 's');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const child = spawnPeer('connect', path);
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  socket.on('error', () => {});
  expect(peerCredentials(fdOf(socket))).toEqual({
    pid: child.pid,
    uid: process.getuid?.(),
    gid: process.getgid?.(),
  });
});

test('a listening socket answers with its own; a file and a closed descriptor have none', async () => {
  const path = join(await scratchDirectory(), 's');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const file = openSync('/dev/null', 'r');
  onTestFinished(() => {
    server.close();
    closeSync(file);
  });
  expect(peerCredentials(fdOf(server)).pid).toBe(process.pid);
  const failure = (code: string) =>
    expect.objectContaining({ code: 'TRANSPORT_FAILED', cause: expect.objectContaining({ code }) });
  expect(() => peerCredentials(-1)).toThrow(failure('EBADF'));
  expect(() => peerCredentials(file)).toThrow(failure('ENOTSOCK'));
});

test('what the kernel answers for nobody is an error', async () => {
  const syscalls = await loadSyscalls();
  const nobody = {
    ...syscalls,
    getsockopt: (_fd: number, _l: number, _o: number, value: Int32Array) => {
      value.set([0, -1, -1]);
      return 0;
    },
  };
  expect(() => readPeerCredentials(nobody, 3)).toThrow(/not connected/);
  expect(() => readPeerCredentials(failingAt(syscalls, 1, constants.errno.EPERM), 3)).toThrow(/EPERM/);
});
