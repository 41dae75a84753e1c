import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { msgpack } from '../../src/codecs/msgpack.ts';
import { isBusError } from '../../src/contract/errors.ts';
import { Random } from '../support/random.ts';

/** The value as it comes back, with other bytes before and after it in the buffer. */
function roundTrip(value: unknown): unknown {
  const bytes = msgpack.encode(value);
  const around = new Uint8Array(bytes.length + 32).fill(0xc1);
  around.set(bytes, 16);
  return msgpack.decode(around, 16, 16 + bytes.length);
}

function decode(...bytes: number[]): unknown {
  return msgpack.decode(Uint8Array.from(bytes), 0, bytes.length);
}

const refused = expect.objectContaining({ code: 'DECODE_FAILED' });
const unencodable = expect.objectContaining({ code: 'NOT_SERIALIZABLE', remedy: expect.any(String) });

/** Everything the codec promises to carry; the exceptions it documents have tests of their own below. */
const carried = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom(null, undefined, true, false),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: false }).map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.string({ unit: 'grapheme' }),
    fc.string({ minLength: 60, maxLength: 300 }),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value')),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
    ),
  ),
})).value;

describe('what goes in comes out', () => {
  test('any value it carries', () => {
    fc.assert(
      fc.property(carried, (value) => {
        const back = roundTrip(value);
        expect(plain(back)).toEqual(plain(value));
      }),
      { numRuns: 500 },
    );
  });

  test('numbers at every border of the format', () => {
    for (let power = 0; power < 53; power++) {
      for (const n of [2 ** power - 1, 2 ** power, 2 ** power + 1, -(2 ** power), -(2 ** power) - 1])
        expect(roundTrip(n)).toBe(n === 0 ? 0 : n);
    }
  });

  test.each([31, 32, 255, 256, 65_535, 65_536])('strings, bytes and arrays of %i', (n) => {
    expect(roundTrip('x'.repeat(n))).toBe('x'.repeat(n));
    expect(plain(roundTrip(new Uint8Array(n).fill(7)))).toEqual(plain(new Uint8Array(n).fill(7)));
    expect(roundTrip(new Array(n).fill(1))).toEqual(new Array(n).fill(1));
  });

  test('what the docs except', () => {
    expect(Object.is(roundTrip(-0), 0)).toBe(true);
    expect(roundTrip(new Map([['a', 1]]))).toEqual({ a: 1 });
    expect(roundTrip(new Set([1, 2]))).toEqual([1, 2]);
    class Point {
      x = 1;
    }
    expect(roundTrip(new Point())).toEqual({ x: 1 });
    const hostile = roundTrip(JSON.parse('{"__proto__":{"polluted":true}}')) as object;
    expect(Object.keys(hostile)).toEqual(['__proto_']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('decoded bytes are no view of what was decoded from', () => {
    const bytes = msgpack.encode({ data: new Uint8Array([1, 2, 3]) });
    const copy = new Uint8Array(bytes);
    const { data } = msgpack.decode(copy, 0, copy.length) as { data: Uint8Array };
    copy.fill(0xff);
    expect([...data]).toEqual([1, 2, 3]);
  });

  test('encoded bytes stay as they are however much is encoded later', () => {
    const first = msgpack.encode({ text: 'x'.repeat(100) });
    const copy = first.slice();
    for (let i = 0; i < 20_000; i++) msgpack.encode({ i, text: 'y'.repeat(i % 200) });
    expect(Buffer.compare(first, copy)).toBe(0);
  });
});

describe('what it cannot carry is refused', () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = [cyclic];
  test.each([
    ['a function', () => 1],
    ['a function inside', { a: [() => 1] }],
    ['a symbol', Symbol('s')],
    ['a symbol inside', { a: { b: Symbol('s') } }],
    ['a cycle', cyclic],
    ['2^64', 2n ** 64n],
    ['-2^63 - 1', { n: -(2n ** 63n) - 1n }],
    [
      'a getter that throws',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      }),
    ],
    [
      'a getter that throws nothing',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw undefined;
        },
      }),
    ],
    ['nesting its reader would refuse', nested(65)],
  ])('%s', (_, value) => {
    expect(() => msgpack.encode(value)).toThrow(unencodable);
    // A failed attempt leaves the encoder as it was.
    expect(roundTrip({ after: [1, 'two'] })).toEqual({ after: [1, 'two'] });
  });

  test('64 levels pass', () => {
    expect(roundTrip(nested(64))).toEqual(nested(64));
  });

  test('a BigInt that is too large is not called a cycle', () => {
    expect(() => msgpack.encode(2n ** 64n)).not.toThrow(/a cycle/);
  });
});

test('encoding from within an encoding leaves both whole', () => {
  let inner: Uint8Array | undefined;
  const value = {
    before: 'a'.repeat(50),
    get nested() {
      inner = msgpack.encode({ inner: 'b'.repeat(500) });
      return 'between';
    },
    after: [1, 2, 3],
  };
  for (let i = 0; i < 50; i++) {
    expect(roundTrip(value)).toEqual({ before: 'a'.repeat(50), nested: 'between', after: [1, 2, 3] });
    const bytes = inner as Uint8Array;
    expect(msgpack.decode(bytes, 0, bytes.length)).toEqual({ inner: 'b'.repeat(500) });
  }
});

describe('hostile bytes', () => {
  test.each([
    ['array 32', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['array 16', [0xdc, 0xff, 0xff, 0xc0]],
    ['map 32', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['map 16', [0xde, 0xff, 0xff]],
    ['str 32', [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['str 16', [0xda, 0xff, 0xff, 0x61]],
    ['str 8', [0xd9, 0xff, 0x61]],
    ['bin 32', [0xc6, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['bin 16', [0xc5, 0xff, 0xff]],
    ['bin 8', [0xc4, 0xff]],
    ['fixstr', [0xbf, 0x61]],
    ['nothing', []],
    ['0xc1', [0xc1]],
    ['two values', [0x01, 0x02]],
  ])('%s beyond the end is refused', (_, bytes) => {
    expect(() => decode(...bytes)).toThrow(refused);
  });

  test.each([0x62, 0x65, 0x73, 0x74, 0x78, 0x72, 0x01, 0x7f])('extension type 0x%s is refused', (type) => {
    expect(() => decode(0xd4, type, 0x00)).toThrow(refused);
    expect(() => decode(0xd5, type, 0x00, 0x00)).toThrow(refused);
    expect(() => decode(0xd6, type, 0x00, 0x00, 0x00, 0x00)).toThrow(refused);
    expect(() => decode(0xc7, 0x01, type, 0x00)).toThrow(refused);
    expect(() => decode(0xc8, 0x00, 0x01, type, 0x00)).toThrow(refused);
    expect(() => decode(0xc9, 0x00, 0x00, 0x00, 0x01, type, 0x00)).toThrow(refused);
    expect(() => decode(0x81, 0xa1, 0x61, 0x91, 0xd4, type, 0x00)).toThrow(refused);
  });

  test('a megabyte of empty maps or arrays is refused before it is built', () => {
    for (const filler of [0x80, 0x90]) {
      const bytes = new Uint8Array(1_000_000).fill(filler);
      bytes[0] = 0xdd;
      new DataView(bytes.buffer).setUint32(1, bytes.length - 5);
      expect(() => msgpack.decode(bytes, 0, bytes.length)).toThrow(/more than \d+ arrays and maps/);
    }
  });

  test('nesting over 64 is refused, 64 is not', () => {
    const deep = (levels: number) => [...new Array(levels).fill(0x91), 0xc0];
    expect(decode(...deep(64))).toEqual(nested(64));
    expect(() => decode(...deep(65))).toThrow(refused);
    expect(() => decode(...deep(100_000))).toThrow(refused);
  });

  test('cut off after any byte, a value is refused', () => {
    const value = {
      a: [1, 300, 70_000, 2 ** 40, -5, 1.5],
      s: 'x'.repeat(300),
      b: new Uint8Array(40),
      d: new Date(5),
      n: null,
    };
    const bytes = new Uint8Array(msgpack.encode(value));
    for (let length = 0; length < bytes.length; length++) {
      expect(() => msgpack.decode(bytes.slice(0, length), 0, length)).toThrow(refused);
      // The same with the rest of it in memory behind the end.
      expect(() => msgpack.decode(bytes, 0, length)).toThrow(refused);
    }
  });

  test('100,000 random inputs: a value or DECODE_FAILED, nothing else', () => {
    const random = new Random(11);
    // Bytes that open something are the interesting ones.
    const openers = [0x81, 0x91, 0xc4, 0xc7, 0xd4, 0xd6, 0xd9, 0xdc, 0xdd, 0xde, 0xa5, 0x92, 0xc8, 0xd8, 0xcb, 0xc0];
    let values = 0;
    for (let run = 0; run < 100_000; run++) {
      const bytes = new Uint8Array(random.below(24)).map(() =>
        random.chance(0.4) ? random.pick(openers) : random.below(256),
      );
      try {
        msgpack.decode(bytes, 0, bytes.length);
        values++;
      } catch (error) {
        if (isBusError(error) && error.code === 'DECODE_FAILED') continue;
        throw new Error(`${Buffer.from(bytes).toString('hex')}: ${String(error)}`);
      }
    }
    expect(values).toBeGreaterThan(500);
    expect(values).toBeLessThan(50_000);
  });
});

function nested(levels: number): unknown {
  let value: unknown = null;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

/** Buffers and Uint8Arrays, and objects with and without a prototype, are the same here. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}
