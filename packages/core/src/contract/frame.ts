import { BusError } from './errors.ts';
import type { FrameBuffer } from './frame-buffer.ts';
import {
  align8,
  FLAG,
  FLOWS_PER_PRIORITY,
  FRAME_VERSION,
  HEADER_BYTES,
  MAX_HEADER_BYTES,
  SECTION,
  SECTION_BITS,
  SECTION_BYTES,
  WHOLE,
} from './frame-layout.ts';

/**
 * The fields of one frame, as plain numbers. Writers fill one and call `writeFrameHeader`; readers reuse one object
 * and fill it with `readFrameHeader`. 64-bit fields are numbers below 2^53: counters, never random bits.
 */
export class FrameHeader {
  /** Whole frame, header included, pad excluded. */
  length = 0;
  version = FRAME_VERSION;
  kind = 0;
  priority = 0;
  codec = 0;
  flags: number = WHOLE;
  topicId = 0;
  flow = 0;
  sections = 0;
  /** Offset of the payload from the start of the frame. */
  headerLength = HEADER_BYTES;
  sequence = 0;
  messageId = 0;
  /** Fragment section; for a whole message total is the payload length and offset 0. */
  total = 0;
  fragmentOffset = 0;
  /** Microseconds; 0 when absent. */
  expiry = 0;
  checksum = 0;
  sampledTime = 0;
  /** 16 hexadecimal digits; '' when absent. */
  originId = '';
  originName = '';
  topicName = '';
  /** Encoded headers map: offset from the start of the frame and length; 0 when absent. */
  headersOffset = 0;
  headersLength = 0;
  /** The last frame read had sections. */
  hasSections = false;
}

const TWO_32 = 4_294_967_296;
/** What most requests are: worth a way of its own. */
const WHOLE_EXPIRING = WHOLE | FLAG.EXPIRY;
const TEXT_ENCODER = new TextEncoder();

/** Bytes of the header that `header` describes, sections included; a multiple of 8. `headersLength` counts. */
export function headerBytes(header: FrameHeader): number {
  let bytes = HEADER_BYTES;
  if ((header.flags & WHOLE) !== WHOLE) bytes += 8;
  if ((header.flags & FLAG.EXPIRY) !== 0) bytes += 8;
  if ((header.flags & FLAG.CHECKSUM) !== 0) bytes += 8;
  if ((header.flags & FLAG.SAMPLED_TIME) !== 0) bytes += 8;
  if ((header.flags & FLAG.ORIGIN) !== 0) bytes += align8(9 + utf8Length(header.originName));
  if ((header.sections & SECTION.TOPIC_NAME) !== 0) bytes += align8(1 + header.topicName.length);
  if ((header.sections & SECTION.HEADERS) !== 0) bytes += align8(2 + header.headersLength);
  return bytes;
}

/**
 * Writes the header at `offset` (8-aligned) and returns the payload's offset in the buffer. `header.length` must
 * already say the whole frame; the caller writes payload and, where used, calls `sealChecksum` afterwards.
 *
 * | allocates                      | blocks | syscalls | callable from |
 * | no; with names or headers, yes | no     | 0        | any thread    |
 */
export function writeFrameHeader(
  buffer: FrameBuffer,
  offset: number,
  header: FrameHeader,
  headers?: Uint8Array,
): number {
  const i32 = buffer.i32;
  const at = offset >> 2;
  i32[at] = header.length;
  i32[at + 1] =
    header.version | (header.kind << 8) | (header.priority << 16) | (header.codec << 20) | (header.flags << 24);
  i32[at + 2] = header.topicId;
  const { sequence, messageId } = header;
  i32[at + 4] = sequence;
  i32[at + 5] = sequence < TWO_32 ? 0 : sequence / TWO_32;
  i32[at + 6] = messageId;
  i32[at + 7] = messageId < TWO_32 ? 0 : messageId / TWO_32;
  let end = HEADER_BYTES;
  if ((header.sections & SECTION_BYTES) === 0 && header.flags === WHOLE_EXPIRING) {
    const { expiry } = header;
    i32[at + 8] = expiry;
    i32[at + 9] = expiry / TWO_32;
    end += 8;
  } else if (header.flags !== WHOLE || (header.sections & SECTION_BYTES) !== 0)
    end = writeSections(buffer, offset, header, headers);
  i32[at + 3] = header.flow | (header.sections << 8) | (end << 16);
  header.headerLength = end;
  return offset + end;
}

function writeSections(buffer: FrameBuffer, offset: number, header: FrameHeader, headers?: Uint8Array): number {
  const { u8, i32 } = buffer;
  let end = HEADER_BYTES;
  const pair = (low: number, high: number): void => {
    const at = (offset + end) >> 2;
    i32[at] = low;
    i32[at + 1] = high;
    end += 8;
  };
  if ((header.flags & WHOLE) !== WHOLE) pair(header.total, header.fragmentOffset);
  if ((header.flags & FLAG.EXPIRY) !== 0) pair(header.expiry, header.expiry / TWO_32);
  if ((header.flags & FLAG.CHECKSUM) !== 0) pair(0, 0);
  if ((header.flags & FLAG.SAMPLED_TIME) !== 0) pair(header.sampledTime, header.sampledTime / TWO_32);
  if ((header.flags & FLAG.ORIGIN) !== 0) {
    const name = TEXT_ENCODER.encode(header.originName);
    const start = offset + end;
    const size = align8(9 + name.length);
    u8.fill(0, start, start + size);
    i32[(start >> 2) + 1] = Number.parseInt(header.originId.slice(0, 8), 16);
    i32[start >> 2] = Number.parseInt(header.originId.slice(8), 16);
    u8[start + 8] = name.length;
    u8.set(name, start + 9);
    end += size;
  }
  if ((header.sections & SECTION.TOPIC_NAME) !== 0) {
    const name = header.topicName;
    const start = offset + end;
    const size = align8(1 + name.length);
    u8.fill(0, start, start + size);
    u8[start] = name.length;
    for (let i = 0; i < name.length; i++) u8[start + 1 + i] = name.charCodeAt(i);
    end += size;
  }
  if ((header.sections & SECTION.HEADERS) !== 0 && headers !== undefined) {
    const start = offset + end;
    const size = align8(2 + headers.length);
    u8.fill(0, start, start + size);
    u8[start] = headers.length;
    u8[start + 1] = headers.length >> 8;
    u8.set(headers, start + 2);
    end += size;
  }
  return end;
}

/**
 * Reads the frame of `length` bytes at `offset` (8-aligned, in private memory) into `into`.
 *
 * Returns '' when the frame is well formed, else what is wrong with it: the caller counts it and answers by rule
 * (`unknown version` skips the frame, everything else is PROTOCOL_ERROR). Never throws, never reads past `length`.
 *
 * | allocates                   | blocks | syscalls | callable from |
 * | no; names make strings      | no     | 0        | any thread    |
 */
export function readFrameHeader(buffer: FrameBuffer, offset: number, length: number, into: FrameHeader): string {
  const i32 = buffer.i32;
  const at = offset >> 2;
  if (length < HEADER_BYTES) return `a frame of ${length} bytes is shorter than its header`;
  const stated = i32[at] >>> 0;
  if (stated !== length) return `a frame of ${length} bytes states a length of ${stated}`;
  const word = i32[at + 1];
  const shape = i32[at + 3];
  into.length = length;
  into.version = word & 0xff;
  into.kind = (word >>> 8) & 0xff;
  into.priority = (word >>> 16) & 0xf;
  into.codec = (word >>> 20) & 0xf;
  into.flags = word >>> 24;
  into.topicId = i32[at + 2] >>> 0;
  into.flow = shape & 0xff;
  into.sections = (shape >>> 8) & SECTION_BITS;
  into.headerLength = shape >>> 16;
  into.sequence = (i32[at + 4] >>> 0) + (i32[at + 5] >>> 0) * TWO_32;
  into.messageId = (i32[at + 6] >>> 0) + (i32[at + 7] >>> 0) * TWO_32;
  if (into.version !== FRAME_VERSION) return UNKNOWN_VERSION;
  if (into.headerLength < HEADER_BYTES || into.headerLength > length || (into.headerLength & 7) !== 0) {
    return `header length ${into.headerLength} does not fit a frame of ${length} bytes`;
  }
  if (into.priority > 4) return `priority ${into.priority} does not exist`;
  if (into.flow >= FLOWS_PER_PRIORITY) return `flow ${into.flow} does not exist`;
  if (into.sequence > Number.MAX_SAFE_INTEGER) return 'sequence over 2^53';
  if (into.messageId > Number.MAX_SAFE_INTEGER) return 'message id over 2^53';
  into.total = length - into.headerLength;
  into.fragmentOffset = 0;
  if (into.hasSections) clearSections(into);
  if (into.flags === WHOLE && (into.sections & SECTION_BYTES) === 0) {
    return into.headerLength === HEADER_BYTES ? '' : `a header of ${into.headerLength} bytes without sections`;
  }
  into.hasSections = true;
  if (
    into.flags === WHOLE_EXPIRING &&
    (into.sections & SECTION_BYTES) === 0 &&
    into.headerLength === HEADER_BYTES + 8
  ) {
    into.expiry = (i32[at + 8] >>> 0) + (i32[at + 9] >>> 0) * TWO_32;
    return '';
  }
  return readSections(buffer, offset, into);
}

/** What `readFrameHeader` answers for a frame of another version (F2). */
export const UNKNOWN_VERSION = 'unknown frame version';

/** A header is read into one object again and again: nothing of the frame before may stay. */
function clearSections(into: FrameHeader): void {
  into.hasSections = false;
  into.expiry = 0;
  into.checksum = 0;
  into.sampledTime = 0;
  into.originId = '';
  into.originName = '';
  into.topicName = '';
  into.headersOffset = 0;
  into.headersLength = 0;
}

function readSections(buffer: FrameBuffer, offset: number, into: FrameHeader): string {
  const { u8, i32 } = buffer;
  const limit = into.headerLength;
  let end = HEADER_BYTES;
  const low = (): number => i32[(offset + end) >> 2] >>> 0;
  const high = (): number => i32[((offset + end) >> 2) + 1] >>> 0;
  const fits = (bytes: number): boolean => end + bytes <= limit;
  if ((into.flags & WHOLE) !== WHOLE) {
    if (!fits(8)) return 'the fragment section is cut off';
    into.total = low();
    into.fragmentOffset = high();
    const bytes = into.length - limit;
    if (into.fragmentOffset + bytes > into.total) return 'a fragment reaches beyond its message';
    if ((into.flags & FLAG.FIRST) !== 0 && into.fragmentOffset !== 0) return 'a first fragment does not begin at 0';
    end += 8;
  }
  if ((into.flags & FLAG.EXPIRY) !== 0) {
    if (!fits(8)) return 'the expiry section is cut off';
    into.expiry = low() + high() * TWO_32;
    end += 8;
  }
  if ((into.flags & FLAG.CHECKSUM) !== 0) {
    if (!fits(8)) return 'the checksum section is cut off';
    into.checksum = low();
    end += 8;
  }
  if ((into.flags & FLAG.SAMPLED_TIME) !== 0) {
    if (!fits(8)) return 'the sampled-time section is cut off';
    into.sampledTime = low() + high() * TWO_32;
    end += 8;
  }
  if ((into.flags & FLAG.ORIGIN) !== 0) {
    if (!fits(16)) return 'the origin section is cut off';
    const bytes = u8[offset + end + 8];
    if (!fits(align8(9 + bytes))) return 'the origin section is cut off';
    into.originId = high().toString(16).padStart(8, '0') + low().toString(16).padStart(8, '0');
    into.originName = textAt(u8, offset + end + 9, bytes);
    end += align8(9 + bytes);
  }
  if ((into.sections & SECTION.TOPIC_NAME) !== 0) {
    if (!fits(8)) return 'the topic name is cut off';
    const bytes = u8[offset + end];
    if (!fits(align8(1 + bytes))) return 'the topic name is cut off';
    into.topicName = textAt(u8, offset + end + 1, bytes);
    end += align8(1 + bytes);
  }
  if ((into.sections & SECTION.HEADERS) !== 0) {
    if (!fits(8)) return 'the headers are cut off';
    const bytes = u8[offset + end] | (u8[offset + end + 1] << 8);
    if (!fits(align8(2 + bytes))) return 'the headers are cut off';
    into.headersOffset = end + 2;
    into.headersLength = bytes;
    end += align8(2 + bytes);
  }
  if (end !== limit) return `the sections take ${end} bytes, the header says ${limit}`;
  return '';
}

function textAt(u8: Uint8Array, start: number, length: number): string {
  return Buffer.from(u8.buffer, u8.byteOffset + start, length).toString('utf8');
}

function utf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Everything a frame is made of, for tools, tests and the cold control kinds. */
export interface FrameParts
  extends Partial<Omit<FrameHeader, 'length' | 'headerLength' | 'headersOffset' | 'hasSections'>> {
  kind: number;
  payload?: Uint8Array;
  headers?: Uint8Array;
}

/** A whole frame in a buffer of its own. @throws BusError TOO_LARGE when the header exceeds its 16-bit length. */
export function encodeFrame(parts: FrameParts): Uint8Array {
  const header = Object.assign(new FrameHeader(), parts);
  if (parts.topicName !== undefined && parts.topicName !== '') header.sections |= SECTION.TOPIC_NAME;
  if (parts.headers !== undefined) {
    header.sections |= SECTION.HEADERS;
    header.headersLength = parts.headers.length;
  }
  const head = headerBytes(header);
  if (head > MAX_HEADER_BYTES) throw new BusError('TOO_LARGE', `a frame header of ${head} bytes exceeds its limit`);
  const payload = parts.payload ?? new Uint8Array(0);
  header.length = head + payload.length;
  const bytes = new Uint8Array(align8(header.length));
  const buffer = { u8: bytes, i32: new Int32Array(bytes.buffer), transferable: false };
  bytes.set(payload, writeFrameHeader(buffer, 0, header, parts.headers));
  return bytes;
}
