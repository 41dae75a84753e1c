import { constants } from 'node:os';
import { expect, test } from 'vitest';
import {
  F_GET_SEALS,
  LOCK_EX,
  loadSyscalls,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  SO_PEERCRED,
  SOCK_SEQPACKET,
  SOL_SOCKET,
  type Syscalls,
} from '../src/syscalls.ts';

const { EAFNOSUPPORT, EBADF, EINVAL, ENOENT } = constants.errno;
const ALL_BITS = 0x7fffffff;

const MISTAKES: [keyof Syscalls, number, (kernel: Syscalls) => number][] = [
  ['open', ENOENT, (kernel) => kernel.open('/nowhere/at/all', 0, 0)],
  ['close', EBADF, (kernel) => kernel.close(-1)],
  ['flock', EBADF, (kernel) => kernel.flock(-1, LOCK_EX)],
  [
    'getsockopt',
    EBADF,
    (kernel) => kernel.getsockopt(-1, SOL_SOCKET, SO_PEERCRED, new Int32Array(3), Uint32Array.of(12)),
  ],
  ['fstat', EBADF, (kernel) => kernel.fstat(1_000_000, { mode: 0, size: 0 })],
  ['pipe2', EINVAL, (kernel) => kernel.pipe2(new Int32Array(2), ALL_BITS)],
  ['write', EBADF, (kernel) => kernel.write(-1, kernel.address(new ArrayBuffer(1)), 1)],
  ['memfd_create', EINVAL, (kernel) => kernel.memfd_create('x', ALL_BITS)],
  ['posix_fallocate', EBADF, (kernel) => kernel.posix_fallocate(-1, 4096)],
  ['fcntl', EBADF, (kernel) => kernel.fcntl(-1, F_GET_SEALS, 0)],
  ['mmap', EINVAL, (kernel) => kernel.mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1)],
  ['munmap', EINVAL, (kernel) => kernel.munmap(0, 0)],
  ['socket', EAFNOSUPPORT, (kernel) => kernel.socket(ALL_BITS, SOCK_SEQPACKET)],
  ['socketpair', EAFNOSUPPORT, (kernel) => kernel.socketpair(ALL_BITS, SOCK_SEQPACKET, new Int32Array(2))],
  ['bind', EBADF, (kernel) => kernel.bind(-1, 0, 0)],
  ['listen', EBADF, (kernel) => kernel.listen(-1, 1)],
  ['accept4', EBADF, (kernel) => kernel.accept4(-1, 0)],
  ['connect', EBADF, (kernel) => kernel.connect(-1, 0, 0)],
  ['sendmsg', EBADF, (kernel) => kernel.sendmsg(-1, 0, 0)],
  ['recvmsg', EBADF, (kernel) => kernel.recvmsg(-1, 0, 0)],
];

test.each(MISTAKES)('%s answers with a negative errno, %i here', async (_, errno, call) => {
  expect(call(await loadSyscalls())).toBe(-errno);
});
