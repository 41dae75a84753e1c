import { BusError, shown } from '../contract/index.ts';

/** Names that begin so are the bus's own. */
export const RESERVED_HEADER_PREFIX = 'busbar-';

/**
 * Message headers on the wire: a JSON object of strings, UTF-8. `own` is what the bus itself adds.
 * @throws BusError INVALID_OPTION | TOO_LARGE
 */
export function encodeHeaders(
  headers: Readonly<Record<string, string>>,
  maxBytes: number,
  own?: Readonly<Record<string, string>>,
): Uint8Array {
  if (typeof headers !== 'object' || headers === null) {
    throw new BusError('INVALID_OPTION', `${shown(headers)} are no headers`, {
      where: 'headers',
      remedy: 'pass an object of strings',
    });
  }
  for (const [key, value] of Object.entries(headers)) {
    if (key.startsWith(RESERVED_HEADER_PREFIX)) {
      throw new BusError('INVALID_OPTION', `header ${JSON.stringify(key)} is the bus's own`, {
        where: 'headers',
        remedy: `choose a name that does not begin with ${RESERVED_HEADER_PREFIX}`,
      });
    }
    if (typeof value === 'string') continue;
    throw new BusError('INVALID_OPTION', `header ${JSON.stringify(key)} is not a string`, {
      where: 'headers',
      remedy: 'pass an object of strings',
    });
  }
  const bytes = Buffer.from(JSON.stringify({ ...headers, ...own }));
  if (bytes.length <= maxBytes) return bytes;
  throw new BusError('TOO_LARGE', `headers of ${bytes.length} bytes exceed ${maxBytes}`, {
    where: 'headers',
    remedy: 'put bulky data into the message, or raise limits.maxHeadersBytes',
  });
}

/** What a peer sent; anything but strings is left out, a broken map is empty. */
export function parseHeaders(bytes: Uint8Array, start: number, end: number): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null);
  try {
    const parsed: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'),
    );
    if (typeof parsed !== 'object' || parsed === null) return headers;
    for (const [key, value] of Object.entries(parsed)) if (typeof value === 'string') headers[key] = value;
  } catch {
    // An unreadable map says nothing: the message itself is intact.
  }
  return headers;
}
