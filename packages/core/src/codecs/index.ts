import { BusError, type Codec, type FrameBuffer } from '../contract/index.ts';
import { json } from './json.ts';
import { msgpack, unpackFrom } from './msgpack.ts';
import { raw } from './raw.ts';

export { json, msgpack, raw };

/** The codecs of one bus, by the number frames carry. */
export class CodecTable {
  readonly default: Codec;
  readonly #byId: (Codec | undefined)[] = new Array(16).fill(undefined);

  /** `preferred` encodes what names no codec and is not a `Uint8Array`. @throws BusError INVALID_OPTION */
  constructor(preferred: Codec = msgpack) {
    this.default = preferred;
    for (const codec of [raw, msgpack, json]) this.#byId[codec.id] = codec;
    const holder = this.#byId[preferred.id];
    if (holder !== undefined && holder !== preferred) {
      throw new BusError('INVALID_OPTION', `codec id ${preferred.id} belongs to ${holder.name}`, {
        where: `codec ${preferred.name}`,
        remedy: 'ids 8 to 15 are free for applications',
      });
    }
    if (!Number.isInteger(preferred.id) || preferred.id < 0 || preferred.id > 15) {
      throw new BusError('INVALID_OPTION', `codec id ${preferred.id} is not 0 to 15`, {
        where: `codec ${preferred.name}`,
        remedy: 'ids 8 to 15 are free for applications',
      });
    }
    this.#byId[preferred.id] = preferred;
  }

  /** The codec for a value: raw for bytes, else the default. */
  for(value: unknown): Codec {
    return value instanceof Uint8Array ? raw : this.default;
  }

  /** The value in `[start, end)` of private memory, `start` a multiple of 8. @throws BusError DECODE_FAILED */
  decode(id: number, buffer: FrameBuffer, start: number, end: number): unknown {
    const codec = this.byId(id);
    return codec === msgpack ? unpackFrom(buffer, start, end) : codec.decode(buffer.u8, start, end);
  }

  /** @throws BusError DECODE_FAILED for a number no codec here has. */
  byId(id: number): Codec {
    const codec = this.#byId[id];
    if (codec !== undefined) return codec;
    throw new BusError('DECODE_FAILED', `codec ${id} is not installed here`, {
      remedy: 'give both sides the same codec',
    });
  }
}
