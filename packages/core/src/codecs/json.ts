import { BusError, type Codec } from '../contract/index.ts';
import { assertEncodable } from './encodable.ts';

const MAX_DEPTH = 64;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * JSON (RFC 8259). Refuses what JSON would drop or mangle in silence: functions, symbols, BigInt, cycles, NaN.
 * `undefined` members are left out and dates become strings, as `JSON.stringify` does; a lone `undefined` is null.
 */
export const json: Codec = {
  name: 'json',
  id: 2,
  encode(value: unknown): Uint8Array {
    if (value === undefined) return Buffer.from('null');
    assertEncodable(value, 'json');
    return Buffer.from(JSON.stringify(value), 'utf8');
  },
  decode(bytes: Uint8Array, start: number, end: number): unknown {
    assertShallow(bytes, start, end);
    try {
      return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'));
    } catch (cause) {
      throw new BusError('DECODE_FAILED', (cause as Error).message, { where: 'json codec', cause });
    }
  },
};

/** Refuses nesting over 64 before anything is built. @throws BusError DECODE_FAILED */
function assertShallow(bytes: Uint8Array, start: number, end: number): void {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (quoted) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) {
        throw new BusError('DECODE_FAILED', `nesting deeper than ${MAX_DEPTH}`, { where: 'json codec' });
      }
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
}
