import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SCM_RIGHTS,
  SOL_SOCKET,
  type Syscalls,
} from './syscalls.ts';

/**
 * One packet with one word and some descriptors (unix(7), cmsg(3)), as 64-bit Linux has it, in one block of memory:
 *
 * | bytes     | struct    | member                                   |
 * | --------- | --------- | ---------------------------------------- |
 * | 0 - 7     | `msghdr`  | `msg_name`, null                         |
 * | 8 - 15    |           | `msg_namelen`, 0, and padding            |
 * | 16 - 23   |           | `msg_iov`: address of byte 56            |
 * | 24 - 31   |           | `msg_iovlen`, 1                          |
 * | 32 - 39   |           | `msg_control`: address of byte 80        |
 * | 40 - 47   |           | `msg_controllen`, bytes from 80 on       |
 * | 48 - 51   |           | `msg_flags`; 4 bytes of padding          |
 * | 56 - 63   | `iovec`   | `iov_base`: address of byte 72           |
 * | 64 - 71   |           | `iov_len`, 4                             |
 * | 72 - 75   |           | the word; 4 bytes of padding             |
 * | 80 - 87   | `cmsghdr` | `cmsg_len`, its own 16 bytes included    |
 * | 88 - 91   |           | `cmsg_level`                             |
 * | 92 - 95   |           | `cmsg_type`                              |
 * | 96 - 1107 |           | the descriptors                          |
 *
 * musl declares the two lengths of `msghdr` and that of `cmsghdr` as 32 bits and padding, in this order on
 * little-endian machines, and zeroes its padding: the same bytes.
 */
const IOV_OFFSET = 16;
const IOVLEN_OFFSET = 24;
const CONTROL_OFFSET = 32;
const CONTROLLEN_OFFSET = 40;
const FLAGS_OFFSET = 48;
const IOVEC_OFFSET = 56;
const IOVEC_LENGTH_OFFSET = 64;
const WORD_OFFSET = 72;
const CMSG_OFFSET = 80;
const LEVEL_OFFSET = 88;
const TYPE_OFFSET = 92;
const DESCRIPTORS_OFFSET = 96;

const WORD_BYTES = 4;
const CMSG_HEADER_BYTES = DESCRIPTORS_OFFSET - CMSG_OFFSET;
/** SCM_MAX_FD: the kernel sends no more with one packet. */
export const MAX_DESCRIPTORS = 253;

/** Its address is used, so it must live as long as this module; each call leaves it to the next. */
const BLOCK = new ArrayBuffer(DESCRIPTORS_OFFSET + MAX_DESCRIPTORS * 4 + 4);
const BLOCK_BYTES = BLOCK.byteLength;
const words = new Int32Array(BLOCK);
const longs = new BigUint64Array(BLOCK);

/** What came with one packet. */
export interface Packet {
  /** Bytes of the packet's content, or the negative errno. */
  readonly result: number;
  readonly word: number;
  /** Open in this process now, close-on-exec: whatever else is wrong, they are the caller's to close. */
  readonly descriptors: readonly number[];
  /** The content was more than the word. */
  readonly truncated: boolean;
  /** More descriptors were sent than could be opened here: the block has room for as many as there can be. */
  readonly incomplete: boolean;
}

/** Sends `word` and `descriptors`, at most 253, as one packet, without waiting; the result of sendmsg(2). */
export function sendPacket(syscalls: Syscalls, fd: number, word: number, descriptors: readonly number[]): number {
  const controlBytes = descriptors.length === 0 ? 0 : CMSG_HEADER_BYTES + descriptors.length * 4;
  const message = prepare(syscalls, controlBytes);
  words[WORD_OFFSET >> 2] = word;
  longs[CMSG_OFFSET >> 3] = BigInt(controlBytes);
  words[LEVEL_OFFSET >> 2] = SOL_SOCKET;
  words[TYPE_OFFSET >> 2] = SCM_RIGHTS;
  words.set(descriptors, DESCRIPTORS_OFFSET >> 2);
  return syscalls.sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/** The next packet, without waiting. */
export function receivePacket(syscalls: Syscalls, fd: number): Packet {
  const message = prepare(syscalls, BLOCK_BYTES - CMSG_OFFSET);
  const result = syscalls.recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const flags = words[FLAGS_OFFSET >> 2];
  return {
    result,
    word: words[WORD_OFFSET >> 2],
    descriptors: result < 0 ? [] : received(),
    truncated: (flags & MSG_TRUNC) !== 0,
    incomplete: (flags & MSG_CTRUNC) !== 0,
  };
}

/** Fills in all but word and control message; the address of the whole. */
function prepare(syscalls: Syscalls, controlBytes: number): number {
  const base = syscalls.address(BLOCK);
  longs.fill(0n);
  longs[IOV_OFFSET >> 3] = BigInt(base + IOVEC_OFFSET);
  longs[IOVLEN_OFFSET >> 3] = 1n;
  longs[CONTROL_OFFSET >> 3] = BigInt(base + CMSG_OFFSET);
  longs[CONTROLLEN_OFFSET >> 3] = BigInt(controlBytes);
  longs[IOVEC_OFFSET >> 3] = BigInt(base + WORD_OFFSET);
  longs[IOVEC_LENGTH_OFFSET >> 3] = BigInt(WORD_BYTES);
  return base;
}

/** The kernel puts all of a packet's descriptors into one control message, and no other kind is asked for. */
function received(): number[] {
  const isRights = words[LEVEL_OFFSET >> 2] === SOL_SOCKET && words[TYPE_OFFSET >> 2] === SCM_RIGHTS;
  if (longs[CONTROLLEN_OFFSET >> 3] < CMSG_HEADER_BYTES || !isRights) return [];
  const end = CMSG_OFFSET + Number(longs[CMSG_OFFSET >> 3]);
  return Array.from(words.subarray(DESCRIPTORS_OFFSET >> 2, end >> 2));
}
