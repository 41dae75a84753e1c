/**
 * How a sender A gets its connection into receiver B. Accepted sockets ignore `onread`, dialled ones do not, so the
 * receiver dials (docs/adr/0007-dial-back.md):
 *
 * ```
 *   A                                            B
 *   | -- control: DIAL number, token, path ----> |
 *   | <---------------------- connect to path -- |
 *   | <----------- hello: magic, number, token - |     from here on A only writes, B only reads
 *   | == frames ==============================>  |
 *   | <- control: REFUSED number, reason ------- |     instead, when B cannot dial
 * ```
 *
 * Control message, little-endian:  0 u32 kind · 4 u32 number · DIAL: 8 token (32), 40 path · REFUSED: 8 reason
 * Hello, 40 bytes:                 0 u32 magic · 4 u32 number · 8 token (32)
 */

export const TOKEN_BYTES = 32;
export const HELLO_BYTES = 8 + TOKEN_BYTES;
/** 'BBU1' */
const HELLO_MAGIC = 0x31554242;
const DIAL = 1;
const REFUSED = 2;
const TOKEN_OFFSET = 8;
const PATH_OFFSET = TOKEN_OFFSET + TOKEN_BYTES;
const REASON_OFFSET = 8;
const MAX_REASON_BYTES = 1024;

export interface Dial {
  readonly kind: 'dial';
  readonly number: number;
  readonly token: Uint8Array;
  readonly path: string;
}

export interface Refused {
  readonly kind: 'refused';
  readonly number: number;
  readonly reason: string;
}

function header(kind: number, number: number, bytes: number): Buffer {
  const message = Buffer.alloc(bytes);
  message.writeUInt32LE(kind, 0);
  message.writeUInt32LE(number, 4);
  return message;
}

export function encodeDial(number: number, token: Uint8Array, path: string): Uint8Array {
  const message = header(DIAL, number, PATH_OFFSET + Buffer.byteLength(path));
  message.set(token, TOKEN_OFFSET);
  message.write(path, PATH_OFFSET);
  return message;
}

export function encodeRefused(number: number, reason: string): Uint8Array {
  const text = Buffer.from(reason).subarray(0, MAX_REASON_BYTES);
  const message = header(REFUSED, number, REASON_OFFSET + text.length);
  message.set(text, REASON_OFFSET);
  return message;
}

/** What a peer's instance sent; undefined when it is neither. */
export function decodeControl(message: Uint8Array): Dial | Refused | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const kind = bytes.length < 8 ? 0 : bytes.readUInt32LE(0);
  if (kind === DIAL && bytes.length > PATH_OFFSET) {
    const token = bytes.subarray(TOKEN_OFFSET, PATH_OFFSET);
    return { kind: 'dial', number: bytes.readUInt32LE(4), token, path: bytes.toString('utf8', PATH_OFFSET) };
  }
  if (kind === REFUSED) {
    return { kind: 'refused', number: bytes.readUInt32LE(4), reason: bytes.toString('utf8', REASON_OFFSET) };
  }
  return undefined;
}

export function encodeHello(number: number, token: Uint8Array): Buffer {
  const hello = header(HELLO_MAGIC, number, HELLO_BYTES);
  hello.set(token, TOKEN_OFFSET);
  return hello;
}

/** The number and token of a hello; undefined when `bytes` is none. */
export function decodeHello(bytes: Buffer): { number: number; token: Buffer } | undefined {
  if (bytes.length !== HELLO_BYTES || bytes.readUInt32LE(0) !== HELLO_MAGIC) return undefined;
  return { number: bytes.readUInt32LE(4), token: bytes.subarray(TOKEN_OFFSET) };
}
