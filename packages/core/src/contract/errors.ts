/**
 * Error codes are API: within a major version a code keeps its meaning, messages may be reworded.
 * Each has a section in `docs/errors.md`; a test holds this list, the docs and the types together.
 */
export const ERROR_CODES = [
  'ABORTED',
  'ASYNC_SCHEMA',
  'AUTH_FAILED',
  'BACK_PRESSURED',
  'CLOSED',
  'CORRUPT',
  'DEADLINE_EXCEEDED',
  'DEAD_LETTERED',
  'DECODE_FAILED',
  'DUPLICATE_TRANSPORT',
  'FOREIGN_UID',
  'HANDLER_FAILED',
  'INVALID_NAME',
  'INVALID_OPTION',
  'INVALID_PATTERN',
  'INVALID_TOPIC',
  'MISUSE',
  'NAME_TAKEN',
  'NEEDS_NATIVE',
  'NOT_SERIALIZABLE',
  'NO_RESPONDERS',
  'NO_ROUTE',
  'PATH_TOO_LONG',
  'PEER_GONE',
  'PROTOCOL_ERROR',
  'QUOTA_EXCEEDED',
  'REMOTE_ERROR',
  'RESOURCE_EXHAUSTED',
  'RUNTIME_DIR_UNSAFE',
  'SCHEMA_MISMATCH',
  'TOO_LARGE',
  'TRANSPORT_FAILED',
  'TRANSPORT_UNAVAILABLE',
  'UNSUPPORTED_KIND',
  'UNSUPPORTED_QOS',
  'VERSION_MISMATCH',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface BusErrorDetails {
  /** Where: the topic, peer, path, option or call concerned. */
  where?: string | undefined;
  /** What the reader can do about it; one sentence. */
  remedy?: string | undefined;
  cause?: unknown;
  /** For PEER_GONE: whether the peer can have acted on the message. */
  outcome?: 'not-sent' | 'unknown' | undefined;
  /** Machine-readable particulars; for REMOTE_ERROR, what the handler attached. */
  data?: unknown;
}

/**
 * The one error class of Busbar: a stable `code`, what happened, where, and what to do.
 *
 * `message` joins the parts, so that an uncaught error already tells the whole story.
 */
export class BusError extends Error {
  override readonly name = 'BusError';
  readonly code: ErrorCode;
  /** What happened, without place and remedy. */
  readonly what: string;
  readonly where: string | undefined;
  readonly remedy: string | undefined;
  readonly outcome: 'not-sent' | 'unknown' | undefined;
  readonly data: unknown;

  constructor(code: ErrorCode, what: string, details: BusErrorDetails = {}) {
    const where = details.where === undefined ? '' : ` (at ${details.where})`;
    const remedy = details.remedy === undefined ? '' : ` - ${details.remedy}`;
    super(`${code}: ${what}${where}${remedy}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.what = what;
    this.where = details.where;
    this.remedy = details.remedy;
    this.outcome = details.outcome;
    this.data = details.data;
  }
}

/** True for a `BusError`, also one made by another copy of this package. */
export function isBusError(value: unknown): value is BusError {
  return value instanceof Error && value.name === 'BusError' && 'code' in value;
}

/** Errno names that mean "the system has no more of it", with what to do about each. */
const EXHAUSTED: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit on open files of this process (ulimit -n) or open fewer links',
  ENFILE: 'the system is out of file handles; close some or raise fs.file-max',
  ENOSPC: 'free room on that file system or point BUSBAR_DIR elsewhere',
  EFBIG: 'raise the limit on the size of files of this process (ulimit -f); shared memory counts as one',
  ENOMEM: 'free memory or raise the memory limit of this process',
};

/** Turns an errno error of Node into a `BusError`; a `BusError` passes unchanged. */
export function fromSystemError(error: unknown, what: string, where?: string): BusError {
  if (isBusError(error)) return error;
  const errno = (error as NodeJS.ErrnoException | undefined)?.code;
  const remedy = errno === undefined ? undefined : EXHAUSTED[errno];
  const code = remedy === undefined ? 'TRANSPORT_FAILED' : 'RESOURCE_EXHAUSTED';
  const reason = error instanceof Error ? error.message : String(error);
  return new BusError(code, `${what}: ${reason}`, { where, remedy, cause: error });
}
