import { BusError, type Codec, isBusError } from '../contract/index.ts';
import { assertEncodable } from './encodable.ts';
import { containerBudget } from './msgpack-guard.ts';

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
    try {
      assertEncodable(value, 'json');
      return Buffer.from(JSON.stringify(value), 'utf8');
    } catch (cause) {
      // A getter or toJSON that throws, or gives what JSON has no word for.
      if (isBusError(cause)) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new BusError('NOT_SERIALIZABLE', `the json codec cannot carry this value: ${why}`, { cause });
    }
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

/** Refuses nesting over 64, and more arrays and objects than real data has, before anything is built. @throws BusError DECODE_FAILED */
function assertShallow(bytes: Uint8Array, start: number, end: number): void {
  let depth = 0;
  let quoted = false;
  let containers = 0;
  const budget = containerBudget(end - start);
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (quoted) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++containers > budget) {
        throw new BusError('DECODE_FAILED', `more than ${Math.floor(budget)} arrays and objects`, {
          where: 'json codec',
        });
      }
      if (++depth > MAX_DEPTH) {
        throw new BusError('DECODE_FAILED', `nesting deeper than ${MAX_DEPTH}`, { where: 'json codec' });
      }
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
}
