import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FrameHeader, headerBytes, writeFrameHeader } from '../../src/contract/frame.ts';
import { allocateFrameBuffer } from '../../src/contract/frame-buffer.ts';
import * as layout from '../../src/contract/frame-layout.ts';

const source = readFileSync(new URL('../../src/contract/frame-layout.ts', import.meta.url), 'utf8');

interface Field {
  readonly offset: number;
  readonly bits: number;
}

/** The fields of the diagram: a cell of n bits is 2n - 1 characters wide, a row of 32 bits names its offset. */
function diagram(): Map<string, Field> {
  const fields = new Map<string, Field>();
  let next = 0;
  for (const line of source.split('\n')) {
    const row = /^ \* {2}\|(.*)\|(?: +(\d+))?$/.exec(line);
    if (row === null) continue;
    if (row[2] !== undefined) expect(Number(row[2])).toBe(next);
    let bit = 0;
    for (const cell of row[1].split('|')) {
      const bits = (cell.length + 1) / 2;
      if (cell.trim() !== '') fields.set(cell.trim(), { offset: next + Math.floor(bit / 8), bits });
      bit += bits;
    }
    expect(bit).toBe(32);
    next += 4;
  }
  return fields;
}

interface Section {
  readonly name: string;
  readonly when: string;
  /** Bytes without what is variable. */
  readonly fixed: number;
}

/** The rows of the sections table; the numbers in a cell (`u32`, `u8`) add up to its fixed bytes. */
function sectionsTable(): Section[] {
  const rows = [...source.matchAll(/^ \* \| ([a-z ]+?) +\| (.+?) +\| (.+?) *\|$/gm)];
  return rows
    .filter(([, name]) => name !== 'section')
    .map(([, name, when, bytes]) => ({
      name,
      when,
      fixed: [...bytes.matchAll(/\bu(\d+)\b/g)].reduce((sum, [, bits]) => sum + Number(bits) / 8, 0),
    }));
}

test('the constants are where the diagram draws them', () => {
  const drawn = diagram();
  const expected: Record<string, Field> = {
    'frame length (header included)': { offset: layout.FRAME_LENGTH_OFFSET, bits: 32 },
    version: { offset: layout.VERSION_OFFSET, bits: 8 },
    kind: { offset: layout.KIND_OFFSET, bits: 8 },
    prio: { offset: layout.PRIO_CODEC_OFFSET, bits: 4 },
    codec: { offset: layout.PRIO_CODEC_OFFSET, bits: 4 },
    flags: { offset: layout.FLAGS_OFFSET, bits: 8 },
    'topic id': { offset: layout.TOPIC_ID_OFFSET, bits: 32 },
    flow: { offset: layout.FLOW_OFFSET, bits: 8 },
    sections: { offset: layout.SECTIONS_OFFSET, bits: 8 },
    'header length': { offset: layout.HEADER_LENGTH_OFFSET, bits: 16 },
    'flow sequence (64 bit)': { offset: layout.SEQUENCE_OFFSET, bits: 32 },
    'message id / correlation (64 bit)': { offset: layout.MESSAGE_ID_OFFSET, bits: 32 },
    'sections, each padded to 8 bytes, then the payload': { offset: layout.HEADER_BYTES, bits: 32 },
  };
  expect(Object.fromEntries(drawn)).toEqual(expected);
});

test('the writer puts each field at its constant', () => {
  const header = Object.assign(new FrameHeader(), {
    length: 0x01020304,
    kind: 0x05,
    priority: 3,
    codec: 0xa,
    topicId: 0x06070809,
    flow: 0x3f,
    sections: layout.SECTION.BEST_EFFORT,
    sequence: 0x11_2233_4455,
    messageId: 0x16_6778_899a,
  });
  const buffer = allocateFrameBuffer(64);
  writeFrameHeader(buffer, 8, header);
  const view = new DataView(buffer.u8.buffer, 8);
  expect(view.getUint32(layout.FRAME_LENGTH_OFFSET, true)).toBe(0x01020304);
  expect(view.getUint8(layout.VERSION_OFFSET)).toBe(layout.FRAME_VERSION);
  expect(view.getUint8(layout.KIND_OFFSET)).toBe(0x05);
  expect(view.getUint8(layout.PRIO_CODEC_OFFSET)).toBe(0xa3);
  expect(view.getUint8(layout.FLAGS_OFFSET)).toBe(layout.WHOLE);
  expect(view.getUint32(layout.TOPIC_ID_OFFSET, true)).toBe(0x06070809);
  expect(view.getUint8(layout.FLOW_OFFSET)).toBe(0x3f);
  expect(view.getUint8(layout.SECTIONS_OFFSET)).toBe(layout.SECTION.BEST_EFFORT);
  expect(view.getUint16(layout.HEADER_LENGTH_OFFSET, true)).toBe(layout.HEADER_BYTES);
  expect(view.getBigUint64(layout.SEQUENCE_OFFSET, true)).toBe(0x11_2233_4455n);
  expect(view.getBigUint64(layout.MESSAGE_ID_OFFSET, true)).toBe(0x16_6778_899an);
});

test('each section takes the bytes the table says, in its order', () => {
  const table = sectionsTable();
  const text = 'abcde';
  const parts: Record<string, { variable: number; fields: Partial<FrameHeader> }> = {
    fragment: { variable: 0, fields: { flags: layout.FLAG.FIRST } },
    expiry: { variable: 0, fields: { flags: layout.WHOLE | layout.FLAG.EXPIRY } },
    checksum: { variable: 0, fields: { flags: layout.WHOLE | layout.FLAG.CHECKSUM } },
    'sampled time': { variable: 0, fields: { flags: layout.WHOLE | layout.FLAG.SAMPLED_TIME } },
    origin: { variable: 5, fields: { flags: layout.WHOLE | layout.FLAG.ORIGIN, originName: text } },
    'topic name': { variable: 5, fields: { sections: layout.SECTION.TOPIC_NAME, topicName: text } },
    headers: { variable: 5, fields: { sections: layout.SECTION.HEADERS, headersLength: 5 } },
  };
  expect(table.map(({ name }) => name)).toEqual(Object.keys(parts));
  for (const { name, fixed } of table) {
    const header = Object.assign(new FrameHeader(), parts[name].fields);
    const size = headerBytes(header) - layout.HEADER_BYTES;
    // The checksum row spells its pad word out; the others are padded by the rule.
    expect(size, name).toBe(layout.align8(fixed + parts[name].variable));
  }
});

test('the bits the table names exist', () => {
  for (const { name, when } of sectionsTable()) {
    const flag = /^flag ([A-Z_]+)$/.exec(when)?.[1];
    const section = /^section bit ([A-Z_]+)$/.exec(when)?.[1];
    if (flag !== undefined) expect(layout.FLAG, name).toHaveProperty(flag);
    else if (section !== undefined) expect(layout.SECTION, name).toHaveProperty(section);
    else expect(when).toBe('not (FIRST and LAST)');
  }
});

test('flags and section bits are single bits, each used once', () => {
  for (const bits of [layout.FLAG, layout.SECTION]) {
    const values: number[] = Object.values(bits);
    expect(values.every((bit) => (bit & (bit - 1)) === 0)).toBe(true);
    expect(new Set(values).size).toBe(values.length);
  }
  expect(layout.SECTION_BYTES & layout.SECTION.BEST_EFFORT).toBe(0);
  expect(layout.FLOWS_PER_LINK).toBe(5 * layout.FLOWS_PER_PRIORITY);
  expect([0, 1, 7, 8, 9, 65_535].map(layout.align8)).toEqual([0, 8, 8, 8, 16, 65_536]);
});
