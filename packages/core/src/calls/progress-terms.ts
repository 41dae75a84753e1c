import { RESERVED_HEADER_PREFIX } from '../link/headers.ts';

/**
 * What a request says about progress, in a header of the bus's own: absent, nobody hears it and none is sent; else the
 * ms by which each report extends the deadline, 0 when it does not. A header and no new section, so that participants
 * who do not know it read the request as before.
 */
const PROGRESS_HEADER = `${RESERVED_HEADER_PREFIX}progress`;

type Headers = Readonly<Record<string, string>>;

/** What the bus itself says in the headers of a request whose asker hears progress. */
export function progressHeader(extendMs: number): Headers {
  return { [PROGRESS_HEADER]: String(extendMs) };
}

/** The terms of a received request, which may say anything - ms, or undefined - and the headers without them. */
export function takeTerms(headers: Headers | undefined): {
  progress: number | undefined;
  headers: Headers | undefined;
} {
  const said = headers?.[PROGRESS_HEADER];
  if (headers === undefined || said === undefined) return { progress: undefined, headers };
  const { [PROGRESS_HEADER]: _taken, ...rest } = headers;
  const ms = Number(said);
  return {
    progress: Number.isFinite(ms) && ms > 0 ? ms : 0,
    headers: Object.keys(rest).length === 0 ? undefined : rest,
  };
}
