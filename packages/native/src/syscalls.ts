import { fstatSync } from 'node:fs';

/**
 * The system calls of this package, in one place: the seam behind which tests put a failing kernel.
 * Each returns what the kernel returns: a result, or the negative errno. None of them blocks.
 * Addresses are plain numbers: user space of every 64-bit Linux ends far below 2^53.
 */
export interface Syscalls {
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  flock(fd: number, operation: number): number;
  /** Fills `value`; `length` holds its bytes before, the bytes filled in after. */
  getsockopt(fd: number, level: number, option: number, value: Int32Array, length: Uint32Array): number;
  /** Fills `status`. */
  fstat(fd: number, status: FileStatus): number;
  /** Fills `fds`: read end, write end. */
  pipe2(fds: Int32Array, flags: number): number;
  /** From memory that the caller keeps alive. */
  write(fd: number, address: number, bytes: number): number;
  memfd_create(name: string, flags: number): number;
  posix_fallocate(fd: number, bytes: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  /** Of the file's start; returns the address. */
  mmap(address: number, bytes: number, protection: number, flags: number, fd: number): number;
  munmap(address: number, bytes: number): number;
  socket(domain: number, type: number): number;
  /** Fills `fds`. */
  socketpair(domain: number, type: number, fds: Int32Array): number;
  bind(fd: number, name: number, bytes: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, flags: number): number;
  connect(fd: number, name: number, bytes: number): number;
  /** Of the `struct msghdr` at `message`, which the caller keeps alive with all it refers to; so does `recvmsg`. */
  sendmsg(fd: number, message: number, flags: number): number;
  recvmsg(fd: number, message: number, flags: number): number;
  /** An `ArrayBuffer` over native memory, without a copy. Throws where the engine forbids that. */
  view(address: number, bytes: number): ArrayBuffer;
  /** Where the memory of `buffer` is, for as long as `buffer` lives. */
  address(buffer: ArrayBuffer): number;
}

/** What of `struct stat` is asked for. */
export interface FileStatus {
  mode: number;
  /** Bytes. */
  size: number;
}

export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const SOL_SOCKET = 1;
export const SO_PEERCRED = 17;

// Not in Node's tables; these values hold on every architecture for which koffi ships a Linux binary.
export const O_ACCMODE = 0x3;
export const O_CLOEXEC = 0x80000;
export const O_PATH = 0x200000;
export const MFD_CLOEXEC = 0x1;
export const MFD_ALLOW_SEALING = 0x2;
export const MFD_NOEXEC_SEAL = 0x8;
export const F_GETFL = 3;
export const F_ADD_SEALS = 1033;
export const F_GET_SEALS = 1034;
export const F_SEAL_SEAL = 0x1;
export const F_SEAL_SHRINK = 0x2;
export const F_SEAL_GROW = 0x4;
export const PROT_READ = 0x1;
export const PROT_WRITE = 0x2;
export const MAP_SHARED = 0x1;
export const MAP_PRIVATE = 0x2;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;

export const AF_UNIX = 1;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;
export const SCM_RIGHTS = 1;
export const MSG_CTRUNC = 0x8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;

/** Binds libc, of whichever name, as the running process already has it. Throws when koffi cannot be loaded. */
export async function loadSyscalls(): Promise<Syscalls> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  const orErrno = (result: number): number => (result < 0 ? -koffi.errno() : result);

  // open(2) and fcntl(2) are variadic; on Linux their third argument is passed like a named one.
  const open = libc.func('int open(const char *path, int flags, unsigned int mode)');
  const close = libc.func('int close(int fd)');
  const flock = libc.func('int flock(int fd, int operation)');
  const getsockopt = libc.func(
    'int getsockopt(int fd, int level, int option, _Out_ int *value, _Inout_ uint32_t *length)',
  );
  const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)');
  const write = libc.func('long write(int fd, uintptr_t buffer, size_t bytes)');
  const memfdCreate = libc.func('int memfd_create(const char *name, unsigned int flags)');
  const posixFallocate = libc.func('int posix_fallocate(int fd, long offset, long bytes)');
  const fcntl = libc.func('int fcntl(int fd, int command, int argument)');
  const mmap = libc.func('intptr_t mmap(uintptr_t address, size_t bytes, int prot, int flags, int fd, long offset)');
  const munmap = libc.func('int munmap(uintptr_t address, size_t bytes)');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const socketpair = libc.func('int socketpair(int domain, int type, int protocol, _Out_ int *fds)');
  const bind = libc.func('int bind(int fd, uintptr_t name, uint32_t bytes)');
  const listen = libc.func('int listen(int fd, int backlog)');
  const accept4 = libc.func('int accept4(int fd, uintptr_t name, uintptr_t bytes, int flags)');
  const connect = libc.func('int connect(int fd, uintptr_t name, uint32_t bytes)');
  const sendmsg = libc.func('long sendmsg(int fd, uintptr_t message, int flags)');
  const recvmsg = libc.func('long recvmsg(int fd, uintptr_t message, int flags)');
  return {
    open: (path, flags, mode) => orErrno(open(path, flags, mode)),
    close: (fd) => orErrno(close(fd)),
    flock: (fd, operation) => orErrno(flock(fd, operation)),
    getsockopt: (fd, level, option, value, length) => orErrno(getsockopt(fd, level, option, value, length)),
    fstat,
    pipe2: (fds, flags) => orErrno(pipe2(fds, flags)),
    write: (fd, address, bytes) => orErrno(write(fd, address, bytes)),
    memfd_create: (name, flags) => orErrno(memfdCreate(name, flags)),
    // Returns the errno and leaves the variable alone.
    posix_fallocate: (fd, bytes) => -posixFallocate(fd, 0, bytes),
    fcntl: (fd, command, argument) => orErrno(fcntl(fd, command, argument)),
    mmap: (address, bytes, protection, flags, fd) => orErrno(mmap(address, bytes, protection, flags, fd, 0)),
    munmap: (address, bytes) => orErrno(munmap(address, bytes)),
    socket: (domain, type) => orErrno(socket(domain, type, 0)),
    socketpair: (domain, type, fds) => orErrno(socketpair(domain, type, 0, fds)),
    bind: (fd, name, bytes) => orErrno(bind(fd, name, bytes)),
    listen: (fd, backlog) => orErrno(listen(fd, backlog)),
    accept4: (fd, flags) => orErrno(accept4(fd, 0, 0, flags)),
    connect: (fd, name, bytes) => orErrno(connect(fd, name, bytes)),
    sendmsg: (fd, message, flags) => orErrno(sendmsg(fd, message, flags)),
    recvmsg: (fd, message, flags) => orErrno(recvmsg(fd, message, flags)),
    view: (address, bytes) => koffi.view(address, bytes),
    address: (buffer) => Number(koffi.address(buffer)),
  };
}

/** By Node: `struct stat` differs between architectures, and an old glibc does not export fstat. */
function fstat(fd: number, status: FileStatus): number {
  try {
    const { mode, size } = fstatSync(fd);
    status.mode = mode;
    status.size = size;
    return 0;
  } catch (error) {
    return (error as { errno: number }).errno;
  }
}
