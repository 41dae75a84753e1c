import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { json } from '../../src/codecs/json.ts';
import { isBusError } from '../../src/contract/errors.ts';
import { Random } from '../support/random.ts';

function roundTrip(value: unknown): unknown {
  const bytes = json.encode(value);
  const around = new Uint8Array(bytes.length + 8).fill(0x5b);
  around.set(bytes, 4);
  return json.decode(around, 4, 4 + bytes.length);
}

function decode(text: string | Uint8Array): unknown {
  const bytes = typeof text === 'string' ? new Uint8Array(Buffer.from(text)) : text;
  return json.decode(bytes, 0, bytes.length);
}

const refused = expect.objectContaining({ code: 'DECODE_FAILED' });
const unencodable = expect.objectContaining({ code: 'NOT_SERIALIZABLE' });

function nested(levels: number): unknown {
  let value: unknown = null;
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { v: value };
  return value;
}

describe('what goes in comes out', () => {
  test('any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        // JSON has no -0.
        const text = JSON.stringify(value);
        expect(JSON.stringify(roundTrip(value))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('what the docs say of undefined and dates', () => {
    expect(roundTrip(undefined)).toBe(null);
    expect(roundTrip({ a: undefined, b: 1 })).toEqual({ b: 1 });
    expect(roundTrip(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
  });

  test('strings full of brackets and quotes are not nesting', () => {
    const text = '[{"\\'.repeat(1000);
    expect(roundTrip([text])).toEqual([text]);
  });

  test('64 levels', () => {
    expect(roundTrip(nested(64))).toEqual(nested(64));
  });
});

describe('what it cannot carry is refused, with its path', () => {
  const cyclic: { a?: unknown } = {};
  cyclic.a = [cyclic];
  test.each([
    ['a function', () => 1, '$'],
    ['a function inside', { a: [1, () => 1] }, '$.a[1]'],
    ['a symbol', { a: Symbol('s') }, '$.a'],
    ['a BigInt', [1n], '$[0]'],
    ['NaN', { a: { b: Number.NaN } }, '$.a.b'],
    ['Infinity', Number.POSITIVE_INFINITY, '$'],
  ])('%s', (_, value, where) => {
    expect(() => json.encode(value)).toThrow(expect.objectContaining({ code: 'NOT_SERIALIZABLE', where }));
  });

  test.each([
    ['a cycle', cyclic],
    ['65 levels', nested(65)],
    ['a toJSON that gives a BigInt', { toJSON: () => 1n }],
    ['a toJSON that gives undefined', { toJSON: () => undefined }],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
    [
      'a getter that throws',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      }),
    ],
  ])('%s', (_, value) => {
    expect(() => json.encode(value)).toThrow(unencodable);
  });
});

describe('hostile bytes', () => {
  test.each(['', '{', '[1,', '{"a":}', 'nul', '[1]]', '\u0000', '"\\u12"', 'NaN', "{'a':1}"])(
    '%j is refused',
    (text) => {
      expect(() => decode(text)).toThrow(refused);
    },
  );

  test('nesting over 64 is refused before it is built', () => {
    expect(() => decode('['.repeat(65))).toThrow('nesting deeper than 64');
    expect(() => decode('{"a":'.repeat(1_000_000))).toThrow('nesting deeper than 64');
    expect(() => decode('['.repeat(65) + ']'.repeat(65))).toThrow(refused);
  });

  test('a megabyte of empty objects is refused before it is built', () => {
    const bomb = `[${'{},'.repeat(400_000)}0]`;
    expect(() => decode(bomb)).toThrow(refused);
  });

  test('a __proto__ key pollutes nothing', () => {
    const value = decode('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as object;
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test('cut off after any byte, a value is refused', () => {
    const bytes = json.encode({ a: [1, 'x"[', { b: null }], c: true });
    for (let length = 0; length < bytes.length; length++) expect(() => json.decode(bytes, 0, length)).toThrow(refused);
  });

  test('100,000 random inputs: a value or DECODE_FAILED, nothing else', () => {
    const random = new Random(13);
    const letters = '{}[]",:0123456789.eE+-truefalsn\\u ';
    for (let run = 0; run < 100_000; run++) {
      const bytes = new Uint8Array(random.below(20)).map(() =>
        random.chance(0.9) ? letters.charCodeAt(random.below(letters.length)) : random.below(256),
      );
      try {
        decode(bytes);
      } catch (error) {
        if (!isBusError(error) || error.code !== 'DECODE_FAILED') throw error;
      }
    }
  });
});
