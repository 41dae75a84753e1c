import type { CodecTable } from '../codecs/index.ts';
import { BusError, type Codec, isBusError } from '../contract/index.ts';
import type { Shipment } from './outgoing.ts';
import { PayloadArena } from './payload-arena.ts';

/** From a value to the bytes and codec number of a shipment. */
export class Encoder {
  readonly #codecs: CodecTable;
  readonly #maxBytes: number;
  readonly #arena = new PayloadArena();

  constructor(codecs: CodecTable, maxBytes: number) {
    this.#codecs = codecs;
    this.#maxBytes = maxBytes;
  }

  /** @throws BusError NOT_SERIALIZABLE | TOO_LARGE */
  into(shipment: Pick<Shipment, 'payload' | 'codec'>, value: unknown, where: string): void {
    if (value instanceof Uint8Array) {
      this.#check(value.length, where);
      shipment.codec = 0;
      shipment.payload = this.#arena.copy(value);
      return;
    }
    const codec = this.#codecs.default;
    const payload = encode(codec, value, where);
    this.#check(payload.length, where);
    shipment.codec = codec.id;
    shipment.payload = payload;
  }

  #check(bytes: number, where: string): void {
    if (bytes <= this.#maxBytes) return;
    throw new BusError('TOO_LARGE', `a payload of ${bytes} bytes exceeds the limit of ${this.#maxBytes}`, {
      where,
      remedy: 'split it, send a reference to it, or raise limits.maxMessageBytes on both sides',
    });
  }
}

/** The codec knows where in the value, the caller knows which message. */
function encode(codec: Codec, value: unknown, where: string): Uint8Array {
  try {
    return codec.encode(value);
  } catch (error) {
    const cause = isBusError(error) ? error : new BusError('NOT_SERIALIZABLE', String(error));
    const place = cause.where === undefined ? where : `${where}, ${cause.where}`;
    throw new BusError('NOT_SERIALIZABLE', cause.what, { where: place, remedy: cause.remedy, cause: error });
  }
}
