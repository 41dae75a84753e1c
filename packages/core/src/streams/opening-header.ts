import { RESERVED_HEADER_PREFIX } from '../link/headers.ts';

/** Marks a request that opens a stream; its value is the window, in bytes, of who opens it. */
const STREAM_HEADER = `${RESERVED_HEADER_PREFIX}stream`;

type Headers = Readonly<Record<string, string>>;

/** What the bus itself says in the headers of a request that opens a stream. */
export function openingHeader(window: number): Headers {
  return { [STREAM_HEADER]: String(window) };
}

/** The window a request opens a stream with, 0 for a call, and the headers without that word. */
export function takeOpening(headers: Headers | undefined): { window: number; headers: Headers | undefined } {
  const value = headers?.[STREAM_HEADER];
  if (headers === undefined || value === undefined) return { window: 0, headers };
  const { [STREAM_HEADER]: _taken, ...rest } = headers;
  const bytes = Number(value);
  return {
    // A peer may say anything; with the least window chunks go one by one.
    window: Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 1,
    headers: Object.keys(rest).length === 0 ? undefined : rest,
  };
}
