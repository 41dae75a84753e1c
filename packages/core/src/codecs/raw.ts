import { BusError, type Codec } from '../contract/index.ts';

/** Bytes as they are; chosen by the bus for every `Uint8Array`. Encoding keeps the caller's bytes, decoding copies. */
export const raw: Codec = {
  name: 'raw',
  id: 0,
  encode(value: unknown): Uint8Array {
    if (value instanceof Uint8Array) return value;
    throw new BusError('NOT_SERIALIZABLE', 'the raw codec carries Uint8Array only', {
      remedy: 'pass bytes, or use msgpack or json',
    });
  },
  decode(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return Uint8Array.prototype.slice.call(bytes, start, end);
  },
};
