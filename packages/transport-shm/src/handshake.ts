/**
 * How a sender A gets its ring into receiver B. The receiver makes the memory, so nobody else can fill it:
 *
 * ```
 *   A                                             B
 *   | -- open: ring, bell ----------------------> |   B makes the ring, and reads it from now on
 *   | <----- ring: ring, memory, nonce, bell ---- |   A opens both through /proc/<pid of B>/fd
 *   | -- attached: ring ------------------------> |   B closes the descriptor of the memory
 *   | == frames, then the end, in the ring =====> |
 *
 *   | <------------------ refused: ring, reason - |   instead of a ring; or later: the inbox is closed
 *   | -- abandoned: ring -----------------------> |   instead of attached; or later: A has given it up
 * ```
 *
 * Where /proc shows one of them no descriptors of the other, they are handed over at a socket that B opens for this one
 * ring, and nothing waits for anything but these messages:
 *
 * ```
 *   A                                             B
 *   | -- open: ring, bell ----------------------> |   B cannot open the bell; or it can, and
 *   | -- unreachable: ring ---------------------> |   instead of attached; B gives that ring up
 *   | <--------------------- meet: ring, key ---- |   B listens at a socket that bears its id and the key
 *   | -- met: ring -----------------------------> |   A has connected, and sent its bell
 *   | <------------------- handed: ring, nonce -- |   B has made the ring, and sent its memory and the bell
 *   | -- attached: ring ------------------------> |   as above, and so it goes on
 * ```
 *
 * `ring` is A's number for it. Descriptors are numbers of the process that names them. JSON, as the control plane's own
 * messages.
 */
export type FromSender =
  | { readonly op: 'open'; readonly ring: number; readonly bell: number }
  | { readonly op: 'attached' | 'abandoned' | 'unreachable' | 'met'; readonly ring: number };

export type FromReceiver =
  | {
      readonly op: 'ring';
      readonly ring: number;
      readonly memory: number;
      readonly nonce: number;
      readonly bell: number;
    }
  | { readonly op: 'meet'; readonly ring: number; readonly key: number }
  | { readonly op: 'handed'; readonly ring: number; readonly nonce: number }
  | { readonly op: 'refused'; readonly ring: number; readonly reason: string };

/** From the owner of regions to those it may have lent from them: this one is not referred to any more. */
export interface Retired {
  readonly op: 'retired';
  readonly region: number;
}

export type Handshake = FromSender | FromReceiver | Retired;

const MAX_BYTES = 2048;
const MAX_REASON_CHARACTERS = 500;

export function encodeHandshake(message: Handshake): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

export function refusal(ring: number, reason: string): Handshake {
  return { op: 'refused', ring, reason: reason.slice(0, MAX_REASON_CHARACTERS) };
}

/** What a peer's instance sent; undefined when it is none of these. */
export function decodeHandshake(bytes: Uint8Array): Handshake | undefined {
  if (bytes.length > MAX_BYTES) return undefined;
  let message: Partial<Record<string, unknown>>;
  try {
    message = JSON.parse(Buffer.from(bytes).toString()) ?? {};
  } catch {
    return undefined;
  }
  const { op, reason } = message;
  const numbers = (...names: string[]): boolean => names.every((name) => isUint31(message[name]));
  switch (op) {
    case 'open':
      return numbers('ring', 'bell') ? (message as Handshake) : undefined;
    case 'ring':
      return numbers('ring', 'memory', 'nonce', 'bell') ? (message as Handshake) : undefined;
    case 'refused':
      return numbers('ring') && typeof reason === 'string' ? (message as Handshake) : undefined;
    case 'meet':
      return numbers('ring', 'key') ? (message as Handshake) : undefined;
    case 'handed':
      return numbers('ring', 'nonce') ? (message as Handshake) : undefined;
    case 'unreachable':
    case 'met':
    case 'attached':
    case 'abandoned':
      return numbers('ring') ? (message as Handshake) : undefined;
    case 'retired':
      return numbers('region') ? (message as unknown as Handshake) : undefined;
    default:
      return undefined;
  }
}

function isUint31(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}
