import { Packr } from 'msgpackr';
import { expect, test } from 'vitest';
import { assertSafeMsgpack } from '../../src/codecs/msgpack-guard.ts';
import { isBusError } from '../../src/contract/errors.ts';
import { Random } from '../support/random.ts';

const packr = new Packr({ useRecords: false, mapsAsObjects: true, structuredClone: false, copyBuffers: true });

function accepts(bytes: Uint8Array): boolean {
  try {
    assertSafeMsgpack(bytes, 0, bytes.length);
    return true;
  } catch (error) {
    if (isBusError(error) && error.code === 'DECODE_FAILED') return false;
    throw new Error(`${Buffer.from(bytes).toString('hex')}: ${String(error)}`);
  }
}

/** A random well-formed value, byte by byte, with lengths in any of the forms the format allows. */
function wellFormed(random: Random, depth: number): number[] {
  const leaf = depth > 5 || random.chance(0.5);
  if (leaf) {
    const n = random.below(6);
    const text = Array.from({ length: n }, () => 0x61 + random.below(20));
    return random.pick([
      () => [random.below(0x80)],
      () => [0xe0 + random.below(0x20)],
      () => [random.pick([0xc0, 0xc2, 0xc3])],
      () => [0xcc, random.below(256)],
      () => [0xd1, random.below(256), random.below(256)],
      () => [0xcb, ...Array.from({ length: 8 }, () => random.below(256))],
      () => [0xd3, ...Array.from({ length: 8 }, () => random.below(256))],
      () => [0xa0 + n, ...text],
      () => [0xd9, n, ...text],
      () => [0xda, 0, n, ...text],
      () => [0xdb, 0, 0, 0, n, ...text],
      () => [0xc4, n, ...text],
      () => [0xc6, 0, 0, 0, n, ...text],
      () => [0xd4, 0x00, 0x00],
      () => [0xd6, 0xff, 0, 0, 0, random.below(256)],
    ])();
  }
  const n = random.below(4);
  const children = (count: number) => Array.from({ length: count }, () => wellFormed(random, depth + 1)).flat();
  const members = Array.from({ length: n }, (_, i) => [0xa1, 0x61 + i, ...wellFormed(random, depth + 1)]).flat();
  return random.pick([
    () => [0x90 + n, ...children(n)],
    () => [0xdc, 0, n, ...children(n)],
    () => [0xdd, 0, 0, 0, n, ...children(n)],
    () => [0x80 + n, ...members],
    () => [0xde, 0, n, ...members],
  ])();
}

test('every well-formed value is accepted, and msgpackr reads it to its end', () => {
  const random = new Random(3);
  for (let run = 0; run < 20_000; run++) {
    const bytes = Uint8Array.from(wellFormed(random, 0));
    expect(accepts(bytes), Buffer.from(bytes).toString('hex')).toBe(true);
    packr.unpack(bytes);
  }
});

test('what is accepted never surprises msgpackr: a value, or its own complaint about one, no RangeError', () => {
  const random = new Random(5);
  let accepted = 0;
  for (let run = 0; run < 100_000; run++) {
    // Near misses: one byte of a good value changed.
    const bytes = Uint8Array.from(wellFormed(random, 1));
    bytes[random.below(bytes.length)] = random.below(256);
    if (!accepts(bytes)) continue;
    accepted++;
    try {
      packr.unpack(bytes);
    } catch (error) {
      expect(error, Buffer.from(bytes).toString('hex')).not.toBeInstanceOf(RangeError);
      expect(String(error)).not.toMatch(/Data read, but end of buffer|Unexpected end/);
    }
  }
  expect(accepted).toBeGreaterThan(10_000);
});

test('the walk keeps to its range, whatever lies around it', () => {
  const random = new Random(9);
  for (let run = 0; run < 20_000; run++) {
    const bytes = Uint8Array.from(wellFormed(random, 1));
    if (random.chance(0.5)) bytes[random.below(bytes.length)] = random.below(256);
    const alone = accepts(bytes);
    for (const filler of [0x00, 0xff]) {
      const around = new Uint8Array(bytes.length + 32).fill(filler);
      around.set(bytes, 16);
      let verdict = true;
      try {
        assertSafeMsgpack(around, 16, 16 + bytes.length);
      } catch {
        verdict = false;
      }
      expect(verdict, Buffer.from(bytes).toString('hex')).toBe(alone);
    }
  }
});
