import { type CodecTable, msgpack } from '../codecs/index.ts';
import { packInto } from '../codecs/msgpack.ts';
import { BusError, isBusError } from '../contract/index.ts';
import type { EncodedPayload } from './outgoing.ts';
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
  into(shipment: EncodedPayload, value: unknown, where: string): void {
    if (value instanceof Uint8Array) {
      shipment.codec = 0;
      this.#copyInto(shipment, value, where);
      return;
    }
    const codec = this.#codecs.default;
    shipment.codec = codec.id;
    try {
      // msgpack's bytes may stay where it wrote them; of any other codec it is not known whose they are.
      if (codec === msgpack) packInto(shipment, value);
      else this.#copyInto(shipment, codec.encode(value), where);
    } catch (error) {
      throw located(error, where);
    }
    this.#check(shipment.size, where);
  }

  #copyInto(shipment: EncodedPayload, bytes: Uint8Array, where: string): void {
    this.#check(bytes.length, where);
    this.#arena.copy(bytes, shipment);
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
function located(error: unknown, where: string): BusError {
  if (isBusError(error) && error.code === 'TOO_LARGE') return error;
  const cause = isBusError(error) ? error : new BusError('NOT_SERIALIZABLE', String(error));
  const place = cause.where === undefined ? where : `${where}, ${cause.where}`;
  return new BusError('NOT_SERIALIZABLE', cause.what, { where: place, remedy: cause.remedy, cause: error });
}
