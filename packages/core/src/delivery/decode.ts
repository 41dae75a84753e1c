import type { CodecTable } from '../codecs/index.ts';
import { BusError, type FrameBuffer, isBusError } from '../contract/index.ts';
import type { Counters } from '../outcomes.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';
import type { ActiveSubscription } from '../subscription.ts';
import { OwnBytes } from './leases.ts';

export interface DecodeHost {
  readonly counters: Counters;
  readonly codecs: CodecTable;
  /** A message that no handler will see: undecodable, or not what the contract says. */
  rejected(error: BusError): void;
}

/** What `decode` could not read. */
export class Unreadable {
  readonly error: BusError;

  constructor(error: BusError) {
    this.error = error;
  }
}

/** The value in `[start, end)`, as `schema` wants it; `Unreadable`, counted and reported, when there is none. */
export function decode(
  host: DecodeHost,
  schema: StandardSchema | undefined,
  codec: number,
  buffer: FrameBuffer,
  start: number,
  end: number,
  topic: string,
  from: string,
): unknown {
  try {
    const data = host.codecs.decode(codec, buffer, start, end);
    return schema === undefined ? data : validate(schema, data, `message ${topic} from ${from}`);
  } catch (error) {
    return refuse(host, locate(error, `message ${topic} from ${from}`));
  }
}

/** As `decode`, in the form in which `subscription` wants it: the value, or its bytes as a lease of private memory. */
export function decodeFor(
  host: DecodeHost,
  subscription: Pick<ActiveSubscription, 'lease' | 'schema'>,
  codec: number,
  buffer: FrameBuffer,
  start: number,
  end: number,
  topic: string,
  from: string,
): unknown {
  const data = decode(host, subscription.schema, codec, buffer, start, end, topic, from);
  if (!subscription.lease || data instanceof Unreadable) return data;
  return data instanceof Uint8Array ? new OwnBytes(data) : refuse(host, notBytes(topic, from));
}

/** What is a value where a subscription wants bytes; counted and reported. */
function refuse(host: DecodeHost, error: BusError): Unreadable {
  host.counters.invalid++;
  host.rejected(error);
  return new Unreadable(error);
}

function notBytes(topic: string, from: string): BusError {
  return new BusError('DECODE_FAILED', 'a value, and only bytes can be lent', {
    where: `message ${topic} from ${from}`,
    remedy: 'publish a Uint8Array, or subscribe without lease',
  });
}

/** The codec or schema knows what is wrong; the reader needs to know with which message. */
function locate(error: unknown, where: string): BusError {
  if (!isBusError(error)) return new BusError('DECODE_FAILED', String(error), { where, cause: error });
  if (error.code !== 'DECODE_FAILED') return error;
  return new BusError('DECODE_FAILED', error.what, { where, remedy: error.remedy, cause: error });
}
