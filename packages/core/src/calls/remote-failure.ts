import { BusError, ERROR_CODES, type ErrorCode, isBusError } from '../contract/index.ts';
import type { Encoder } from '../delivery/encoder.ts';
import type { EncodedPayload } from '../delivery/outgoing.ts';

/** What the error frame of a failed call says. */
export interface RemoteFailure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  /** Where at the serving side, when its error said so. */
  readonly where?: string;
  readonly data?: unknown;
}

const NO_WORDS = new Uint8Array(0);

/** What a handler threw, which may be anything. Never throws. */
export function failureOf(thrown: unknown): RemoteFailure {
  try {
    if (!(thrown instanceof Error)) return { name: 'Error', code: 'REMOTE_ERROR', message: String(thrown) };
    const { code, data } = thrown as { code?: unknown; data?: unknown };
    return {
      name: String(thrown.name),
      code: typeof code === 'string' ? code : 'REMOTE_ERROR',
      message: String(isBusError(thrown) ? thrown.what : thrown.message),
      ...(isBusError(thrown) && thrown.where !== undefined ? { where: thrown.where } : {}),
      ...(data === undefined ? {} : { data }),
    };
  } catch {
    return { name: 'Error', code: 'REMOTE_ERROR', message: 'an error that cannot be read' };
  }
}

/**
 * Encodes what can travel of a failure: all of it, all but its data, its code, at last no words, which always can. Never
 * throws, so that every failed request is answered.
 */
export function encodeFailure(encoder: Encoder, into: EncodedPayload, failure: RemoteFailure, where: string): void {
  const { data: _left, ...words } = failure;
  const least = { name: 'Error', code: failure.code, message: 'what it says cannot be sent' };
  for (const said of [failure, words, least, NO_WORDS]) {
    try {
      encoder.into(into, said, where);
      return;
    } catch {
      // The next says less.
    }
  }
}

/** The error for who asked `server`, from what its error frame says; a peer may say anything. */
export function remoteError(said: unknown, call: string, server: string): BusError {
  const failure = (typeof said === 'object' && said !== null ? said : {}) as Partial<
    Record<keyof RemoteFailure, unknown>
  >;
  const text = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);
  const code = text(failure.code, 'REMOTE_ERROR');
  const known = (ERROR_CODES as readonly string[]).includes(code);
  return new BusError(known ? (code as ErrorCode) : 'REMOTE_ERROR', text(failure.message, 'an error without words'), {
    where: `${text(failure.where, call)}, at ${server}`,
    data: { name: text(failure.name, 'Error'), code, data: failure.data },
  });
}
