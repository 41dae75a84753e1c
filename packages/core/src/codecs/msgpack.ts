import { Packr, REUSE_BUFFER_MODE } from 'msgpackr';
import {
  allocateFrameBuffer,
  BusError,
  type Codec,
  copyAligned,
  type FrameBuffer,
  frameBuffer,
  isBusError,
} from '../contract/index.ts';
import { assertSafeMsgpack } from './msgpack-guard.ts';

/**
 * MessagePack through msgpackr, without records and without extensions: any language reads it.
 *
 * What does not come back as it went: -0 (0), Map (object), Set and sparse arrays (array), class instances (plain
 * objects), typed arrays (bytes), a `__proto__` key (`__proto_`). Functions, symbols, cycles and integers over 64 bits
 * are refused. `undefined`, dates and 64-bit BigInt are carried.
 */
class StrictPackr extends Packr {
  writeFunction(): never {
    throw new Error('a function');
  }
}

const packr = new StrictPackr({ useRecords: false, mapsAsObjects: true, structuredClone: false, copyBuffers: true });

/**
 * msgpackr reads short strings quickly only where the source ends before byte 140: a 107-byte object takes 400 ns at the
 * start of a buffer and 810 ns further on, so a copy of 22 ns pays.
 */
const SHORT_BYTES = 128;
const short = allocateFrameBuffer(SHORT_BYTES);
// msgpackr asks its source for this every time: an own property is read at once, the prototype's by a call of 40 ns.
Object.defineProperty(short.u8, 'buffer', { value: short.u8.buffer });

/** Reused: msgpackr takes the range as an object and keeps none. */
const range = { start: 0, end: 0 };

export const msgpack: Codec = {
  name: 'msgpack',
  id: 1,
  encode(value: unknown): Uint8Array {
    const bytes = pack(value);
    return bytes.subarray(bytes.start, bytes.end);
  },
  decode(bytes: Uint8Array, start: number, end: number): unknown {
    assertSafeMsgpack(bytes, start, end);
    return unpack(bytes, start, end);
  },
};

/** Decodes `[start, end)`, `start` a multiple of 8. @throws BusError DECODE_FAILED */
export function unpackFrom(buffer: FrameBuffer, start: number, end: number): unknown {
  assertSafeMsgpack(buffer.u8, start, end);
  const size = end - start;
  if (size > SHORT_BYTES) return unpack(buffer.u8, start, end);
  copyAligned(buffer, start, short, 0, size);
  return unpack(short.u8, 0, size);
}

function unpack(bytes: Uint8Array, start: number, end: number): unknown {
  try {
    range.start = start;
    range.end = end;
    return packr.unpack(bytes, range);
  } catch (cause) {
    throw new BusError('DECODE_FAILED', reasonOf(cause), { where: 'msgpack codec', cause });
  }
}

/** Where msgpackr has written: a block that it fills with one value after another, never twice in one place. */
type Block = Uint8Array & { readonly start: number; readonly end: number };

let lastBlock: Uint8Array | undefined;
let lastBuffer: FrameBuffer;

/**
 * Encodes without a view of its own for the result, which costs as much as a tenth of the encoding.
 * @throws BusError NOT_SERIALIZABLE
 */
export function packInto(range: { payload: FrameBuffer; start: number; size: number }, value: unknown): void {
  const block = pack(value);
  if (block !== lastBlock) {
    lastBlock = block;
    lastBuffer = frameBuffer(block.buffer, block.byteOffset, block.length);
  }
  range.payload = lastBuffer;
  range.start = block.start;
  range.size = block.end - block.start;
}

function pack(value: unknown): Block {
  try {
    const block = packr.pack(value, REUSE_BUFFER_MODE) as unknown as Block;
    // What the reader would refuse is told to the sender: too deep, or an extension that the application has added.
    assertSafeMsgpack(block, block.start, block.end);
    return block;
  } catch (cause) {
    const why = reasonOf(cause);
    throw new BusError('NOT_SERIALIZABLE', `the msgpack codec cannot carry this value: ${why}`, {
      remedy: 'leave out functions, symbols and cycles, or convert them before publishing',
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  if (isBusError(cause)) return cause.what;
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.includes('call stack') ? 'a cycle, or nesting beyond the stack' : text;
}
