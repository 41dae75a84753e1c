import { crc32 } from 'node:zlib';
import type { FrameBuffer } from '@busbar/core/contract';

/** Up to here eight table look-ups a round are faster than a call (105 ns for 128 bytes against 250), measured on Node 20. */
const TABLE_BYTES = 512;
const POLYNOMIAL = 0xedb8_8320;

/** Slicing by eight: table t continues a byte by t more zero bytes. https://create.stephan-brumme.com/crc32/#slicing-by-8-overview */
const [T0, T1, T2, T3, T4, T5, T6, T7] = tables();

function tables(): Int32Array[] {
  const all = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    all[0][byte] = crc;
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let t = 1; t < 8; t++) {
      const before = all[t - 1][byte];
      all[t][byte] = all[0][before & 0xff] ^ (before >>> 8);
    }
  }
  return all;
}

/**
 * CRC-32, the one of zlib, of the 32-bit word `seed` and the bytes from `start` to `end` after it; both are multiples of 8.
 *
 * | allocates               | blocks | syscalls | callable from |
 * | one view above 512 bytes | no     | 0        | any thread    |
 */
export function checksum({ u8, i32 }: FrameBuffer, start: number, end: number, seed: number): number {
  let crc = ~seed;
  crc = T3[crc & 0xff] ^ T2[(crc >>> 8) & 0xff] ^ T1[(crc >>> 16) & 0xff] ^ T0[crc >>> 24];
  if (end - start > TABLE_BYTES) return crc32(u8.subarray(start, end), ~crc >>> 0) | 0;
  for (let word = start >> 2; word < end >> 2; word += 2) {
    const low = crc ^ i32[word];
    const high = i32[word + 1];
    crc =
      T7[low & 0xff] ^
      T6[(low >>> 8) & 0xff] ^
      T5[(low >>> 16) & 0xff] ^
      T4[low >>> 24] ^
      T3[high & 0xff] ^
      T2[(high >>> 8) & 0xff] ^
      T1[(high >>> 16) & 0xff] ^
      T0[high >>> 24];
  }
  return ~crc;
}
