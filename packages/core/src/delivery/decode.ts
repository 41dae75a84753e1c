import type { CodecTable } from '../codecs/index.ts';
import { BusError, type FrameBuffer, isBusError } from '../contract/index.ts';
import type { Counters } from '../outcomes.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';

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
    host.counters.invalid++;
    const located = locate(error, `message ${topic} from ${from}`);
    host.rejected(located);
    return new Unreadable(located);
  }
}

/** The codec or schema knows what is wrong; the reader needs to know with which message. */
function locate(error: unknown, where: string): BusError {
  if (!isBusError(error)) return new BusError('DECODE_FAILED', String(error), { where, cause: error });
  if (error.code !== 'DECODE_FAILED') return error;
  return new BusError('DECODE_FAILED', error.what, { where, remedy: error.remedy, cause: error });
}
