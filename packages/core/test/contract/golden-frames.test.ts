import { describe, expect, test } from 'vitest';
import { sealChecksum, verifyChecksum } from '../../src/contract/checksum.ts';
import { encodeFrame, FrameHeader, readFrameHeader, UNKNOWN_VERSION } from '../../src/contract/frame.ts';
import { align8, FLAG, HEADER_BYTES, KIND, SECTION, WHOLE } from '../../src/contract/frame-layout.ts';
import { bytesOf, flagBits, golden, malformed, placed, sectionBits, type Vector } from '../support/vectors.ts';

function headersOf(vector: Vector): Uint8Array | undefined {
  return vector.headers === undefined ? undefined : new Uint8Array(Buffer.from(JSON.stringify(vector.headers)));
}

/** What the reader makes of the bytes, as plain values; the answer first. */
function read(bytes: Uint8Array, length: number, filler: number) {
  const header = new FrameHeader();
  const buffer = placed(bytes, 8, filler);
  const answer = readFrameHeader(buffer, 8, length, header);
  const valid =
    answer === '' && (header.flags & FLAG.CHECKSUM) !== 0 && verifyChecksum(buffer, 8, length, header.flags);
  return { answer, valid, header: Object.assign({}, header) };
}

/** Reads twice, with different bytes around the frame: what comes out must not depend on them. */
function readBlind(bytes: Uint8Array, length: number) {
  const once = read(bytes, length, 0x00);
  expect(read(bytes, length, 0xff)).toEqual(once);
  const { answer, header } = once;
  if (answer === '') {
    expect(header.headerLength).toBeLessThanOrEqual(length);
    expect(header.headerLength % 8).toBe(0);
    expect(header.headersOffset + header.headersLength).toBeLessThanOrEqual(header.headerLength);
    expect(header.fragmentOffset + length - header.headerLength).toBeLessThanOrEqual(header.total);
  }
  return once;
}

test('every kind has a golden frame', () => {
  const covered = new Set(golden.map(({ kind }) => kind));
  expect(Object.values(KIND).filter((kind) => !covered.has(kind))).toEqual([]);
});

test('every flag and section has a golden frame', () => {
  const flags = golden.reduce((bits, vector) => bits | flagBits(vector), 0);
  const sections = golden.reduce((bits, vector) => bits | sectionBits(vector), 0);
  expect(flags).toBe(Object.values(FLAG).reduce((bits, bit) => bits | bit, 0));
  expect(sections).toBe(Object.values(SECTION).reduce((bits, bit) => bits | bit, 0));
});

describe.each(golden)('golden frame $name', (vector) => {
  const bytes = bytesOf(vector.hex);

  test('is what the encoder writes', () => {
    const { kind, priority, codec, topicId, flow, sequence, messageId } = vector;
    const headers = headersOf(vector);
    const frame = encodeFrame({
      kind,
      priority,
      codec,
      topicId,
      flow,
      sequence,
      messageId,
      flags: flagBits(vector),
      sections: sectionBits(vector),
      total: vector.total ?? 0,
      fragmentOffset: vector.fragmentOffset ?? 0,
      expiry: vector.expiry ?? 0,
      sampledTime: vector.sampledTime ?? 0,
      originId: vector.originId ?? '',
      originName: vector.originName ?? '',
      topicName: vector.topicName ?? '',
      payload: bytesOf(vector.payload),
      ...(headers === undefined ? {} : { headers }),
    });
    if (vector.checksum !== undefined) {
      const buffer = { u8: frame, i32: new Int32Array(frame.buffer), transferable: false };
      sealChecksum(buffer, 0, vector.length, flagBits(vector));
    }
    expect(Buffer.from(frame).toString('hex')).toBe(vector.hex);
  });

  test('is understood', () => {
    const { answer, valid, header } = readBlind(bytes, vector.length);
    expect(answer).toBe('');
    expect(header).toMatchObject({
      length: vector.length,
      version: vector.version,
      kind: vector.kind,
      priority: vector.priority,
      codec: vector.codec,
      flags: flagBits(vector),
      topicId: vector.topicId,
      flow: vector.flow,
      sections: sectionBits(vector),
      headerLength: vector.headerLength,
      sequence: vector.sequence,
      messageId: vector.messageId,
      total: vector.total ?? vector.payload.length / 2,
      fragmentOffset: vector.fragmentOffset ?? 0,
      expiry: vector.expiry ?? 0,
      checksum: vector.checksum ?? 0,
      sampledTime: vector.sampledTime ?? 0,
      originId: vector.originId ?? '',
      originName: vector.originName ?? '',
      topicName: vector.topicName ?? '',
    });
    expect(valid).toBe(vector.checksum !== undefined);
    expect(Buffer.from(bytes.subarray(vector.headerLength, vector.length)).toString('hex')).toBe(vector.payload);
    const headers = headersOf(vector);
    if (headers !== undefined) {
      const { headersOffset, headersLength } = header;
      expect(bytes.subarray(headersOffset, headersOffset + headersLength)).toEqual(headers);
    }
    expect(align8(vector.length)).toBe(bytes.length);
  });

  test('cut off anywhere, it is refused or read within its bounds', () => {
    for (let length = 0; length < vector.length; length++) {
      expect(readBlind(bytes.subarray(0, length), length).answer).not.toBe('');
      if (length < HEADER_BYTES) continue;
      // The same, with a length that agrees: only the header can tell.
      const shortened = bytes.slice(0, length);
      new DataView(shortened.buffer).setUint32(0, length, true);
      const { answer } = readBlind(shortened, length);
      if (length < vector.headerLength) expect(answer, `cut to ${length}`).not.toBe('');
    }
  });

  test('with any one bit flipped it is refused, skipped, or read within its bounds', () => {
    for (let bit = 0; bit < vector.length * 8; bit++) {
      const flipped = bytes.slice(0, vector.length);
      flipped[bit >> 3] ^= 1 << (bit & 7);
      const { answer, valid } = readBlind(flipped, vector.length);
      const byte = bit >> 3;
      if (byte < 4) expect(answer, `bit ${bit}`).not.toBe('');
      if (byte === 4) expect(answer, `bit ${bit}`).toBe(UNKNOWN_VERSION);
      // F3: reserved section bits are ignored.
      if (byte === 13 && 1 << (bit & 7) > SECTION.PASSABLE && vector.checksum === undefined)
        expect(answer, `bit ${bit}`).toBe('');
      // F10: no single bit passes the checksum.
      if (vector.checksum !== undefined && answer === '') expect(valid, `bit ${bit}`).toBe(false);
    }
  });
});

describe.each(malformed)('malformed frame $name', ({ answer, hex }) => {
  test(`is answered with ${answer}`, () => {
    const bytes = bytesOf(hex);
    const wrong = readBlind(bytes, bytes.length).answer;
    if (answer === 'accept') expect(wrong).toBe('');
    else if (answer === 'skip') expect(wrong).toBe(UNKNOWN_VERSION);
    else {
      expect(wrong).not.toBe('');
      expect(wrong).not.toBe(UNKNOWN_VERSION);
    }
  });
});

test('a header read before leaves nothing behind: absent fields are 0 and empty', () => {
  const everything = golden.find(({ name }) => name === 'everything') as Vector;
  for (const vector of golden.filter(({ flags, sections }) => flags.length <= 2 && sections.length === 0)) {
    const header = new FrameHeader();
    readFrameHeader(placed(bytesOf(everything.hex), 0, 0), 0, everything.length, header);
    readFrameHeader(placed(bytesOf(vector.hex), 0, 0), 0, vector.length, header);
    const { expiry, checksum, sampledTime, originId, originName, topicName, headersLength } = header;
    expect({ expiry, checksum, sampledTime, originId, originName, topicName, headersLength }, vector.name).toEqual({
      expiry: 0,
      checksum: 0,
      sampledTime: 0,
      originId: '',
      originName: '',
      topicName: '',
      headersLength: 0,
    });
  }
});

test('a header over its 16-bit length is refused', () => {
  expect(() => encodeFrame({ kind: KIND.EVENT, flags: WHOLE, headers: new Uint8Array(65_600) })).toThrow(
    expect.objectContaining({ code: 'TOO_LARGE' }),
  );
});
