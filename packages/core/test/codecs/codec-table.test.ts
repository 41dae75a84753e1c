import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecTable, json, msgpack, raw } from '../../src/codecs/index.ts';
import type { Codec } from '../../src/contract/codec.ts';

const own = (id: number, name = 'own'): Codec => ({
  name,
  id,
  encode: () => new Uint8Array(0),
  decode: () => undefined,
});

describe('raw', () => {
  test('bytes come back as they are, as a copy', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(20), (bytes, at) => {
        expect(raw.encode(bytes)).toBe(bytes);
        const around = new Uint8Array(bytes.length + 40);
        around.set(bytes, at);
        const back = raw.decode(around, at, at + bytes.length) as Uint8Array;
        around.fill(0xff);
        expect(back).toEqual(bytes);
      }),
    );
  });

  test.each([undefined, null, 'text', [1], new Uint16Array(2), new ArrayBuffer(2)])('refuses %s', (value) => {
    expect(() => raw.encode(value)).toThrow(expect.objectContaining({ code: 'NOT_SERIALIZABLE' }));
  });
});

describe('CodecTable', () => {
  test('knows the three of the bus by their numbers, msgpack preferred', () => {
    const table = new CodecTable();
    expect([table.byId(0), table.byId(1), table.byId(2), table.default]).toEqual([raw, msgpack, json, msgpack]);
  });

  test('an own codec is preferred and found; the others stay', () => {
    const codec = own(8);
    const table = new CodecTable(codec);
    expect([table.default, table.byId(8), table.byId(1)]).toEqual([codec, codec, msgpack]);
    expect(new CodecTable(json).default).toBe(json);
  });

  test.each([0, 1, 2])('number %i is taken', (id) => {
    expect(() => new CodecTable(own(id))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test.each([-1, 16, 1.5, Number.NaN])('number %d is none', (id) => {
    expect(() => new CodecTable(own(id))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('a number nobody has is DECODE_FAILED', () => {
    for (const id of [3, 15, 16, -1])
      expect(() => new CodecTable().byId(id)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }));
  });
});
