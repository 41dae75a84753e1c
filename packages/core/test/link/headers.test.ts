import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHeaders, parseHeaders } from '../../src/link/headers.ts';

const LIMIT = 16_384;

function parse(text: string | Uint8Array): Readonly<Record<string, string>> {
  const bytes = Buffer.from(text);
  const around = new Uint8Array(bytes.length + 10).fill(0x7b);
  around.set(bytes, 5);
  return parseHeaders(around, 5, 5 + bytes.length);
}

describe('headers', () => {
  test('any map of strings comes back', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
          fc.string({ unit: 'grapheme' }),
        ),
        (map) => {
          expect({ ...parse(encodeHeaders(map, LIMIT)) }).toEqual({ ...map });
        },
      ),
    );
  });

  test.each([[{ a: 1 }], [{ a: undefined }], [{ a: null }], [{ a: {} }], [null], ['text'], [7], [undefined]])(
    '%j is refused by name',
    (value) => {
      expect(() => encodeHeaders(value as never, LIMIT)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', where: 'headers' }),
      );
    },
  );

  test('too many bytes are refused, exactly enough are not', () => {
    const map = { k: 'é'.repeat(10) };
    const { length } = encodeHeaders(map, LIMIT);
    expect(encodeHeaders(map, length).length).toBe(length);
    expect(() => encodeHeaders(map, length - 1)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  test.each(['', '{', 'null', '[]', '7', '"text"', '\u0000', '{"a":1}', '{"a":{"b":"c"}}', '{"a":null}'])(
    'what a peer sends as %j is an empty map',
    (text) => {
      expect(Object.keys(parse(text))).toEqual([]);
    },
  );

  test('strings among other things are kept; __proto__ pollutes nothing', () => {
    const map = parse('{"a":"x","b":2,"__proto__":"y","toString":"z"}');
    expect([map.a, map.b, Reflect.get(map, 'toString')]).toEqual(['x', undefined, 'z']);
    expect(Object.getPrototypeOf(map)).toBe(null);
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        for (const value of Object.values(parse(bytes))) expect(typeof value).toBe('string');
      }),
      { numRuns: 2000 },
    );
  });
});
