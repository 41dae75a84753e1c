import { BusError } from '../contract/index.ts';

/**
 * Walks encoded msgpack without building anything and refuses what could hurt the reader: nesting over 64, more arrays
 * and maps than the budget (a megabyte of empty maps would grow to 64 MB), lengths beyond the end, and every
 * extension but `undefined` (type 0) and timestamps (type -1): msgpackr would build RegExp, Error, Set and typed
 * arrays from a peer's bytes, and its table of extensions is global to the process, so it cannot be emptied here.
 *
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
const MAX_DEPTH = 64;

/** Arrays and maps that a payload of `bytes` may decode to: generous for real data, far below a bomb. */
export function containerBudget(bytes: number): number {
  return 65_536 + bytes / 4;
}

/** Containers still open: how many values each wants. One for the process: the walk calls nobody. */
const wanted = new Float64Array(MAX_DEPTH + 1);

/**
 * | allocates | blocks | syscalls | callable from |
 * | no        | no     | 0        | any thread    |
 *
 * @throws BusError DECODE_FAILED
 */
export function assertSafeMsgpack(u8: Uint8Array, start: number, end: number): void {
  let at = start;
  let depth = 0;
  let containers = 0;
  const budget = containerBudget(end - start);
  wanted[0] = 1;
  for (;;) {
    while (wanted[depth] === 0) {
      if (depth === 0) {
        if (at > end || Number.isNaN(at)) throw refused('the value is cut off');
        if (at < end) throw refused(`${end - at} bytes follow the value`);
        return;
      }
      depth--;
    }
    wanted[depth]--;
    // Not `at >= end`: a length read beyond the end makes `at` NaN.
    if (!(at < end)) throw refused('the value is cut off');
    const byte = u8[at++];
    let children = 0;
    if (byte < 0x80 || byte >= 0xe0) continue;
    if (byte >= 0xa0 && byte < 0xc0) {
      at += byte & 0x1f;
      continue;
    }
    if (byte < 0x90) children = (byte & 0xf) * 2;
    else if (byte < 0xa0) children = byte & 0xf;
    else {
      switch (byte) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          continue;
        case 0xcc:
        case 0xd0:
          at += 1;
          continue;
        case 0xcd:
        case 0xd1:
          at += 2;
          continue;
        case 0xca:
        case 0xce:
        case 0xd2:
          at += 4;
          continue;
        case 0xcb:
        case 0xcf:
        case 0xd3:
          at += 8;
          continue;
        case 0xc4:
        case 0xd9:
          at += 1 + u8[at];
          continue;
        case 0xc5:
        case 0xda:
          at += 2 + (u8[at] << 8) + u8[at + 1];
          continue;
        case 0xc6:
        case 0xdb:
          at += 4 + u32(u8, at);
          continue;
        case 0xdc:
          children = (u8[at] << 8) + u8[at + 1];
          at += 2;
          break;
        case 0xdd:
          children = u32(u8, at);
          at += 4;
          break;
        case 0xde:
          children = ((u8[at] << 8) + u8[at + 1]) * 2;
          at += 2;
          break;
        case 0xdf:
          children = u32(u8, at) * 2;
          at += 4;
          break;
        default:
          at = extension(u8, at, byte);
          continue;
      }
    }
    if (++containers > budget) throw refused(`more than ${Math.floor(budget)} arrays and maps in ${end - start} bytes`);
    if (children > 0) {
      if (depth === MAX_DEPTH) throw refused(`nesting deeper than ${MAX_DEPTH}`);
      wanted[++depth] = children;
    }
  }
}

/** Fixed sizes of 0xd4 to 0xd8. */
const FIXEXT = [1, 2, 4, 8, 16];

function extension(u8: Uint8Array, at: number, byte: number): number {
  let size: number;
  let cursor = at;
  if (byte >= 0xd4 && byte <= 0xd8) size = FIXEXT[byte - 0xd4];
  else if (byte === 0xc7) size = u8[cursor++];
  else throw refused(`0x${byte.toString(16)} is not used by this codec`);
  const type = u8[cursor++];
  const undefinedValue = type === 0 && byte === 0xd4;
  const timestamp = type === 0xff && (size === 4 || size === 8 || size === 12);
  if (!undefinedValue && !timestamp) throw refused(`extension type ${type} is refused on links`);
  return cursor + size;
}

function u32(u8: Uint8Array, at: number): number {
  return u8[at] * 0x1000000 + ((u8[at + 1] << 16) | (u8[at + 2] << 8) | u8[at + 3]);
}

function refused(what: string): BusError {
  return new BusError('DECODE_FAILED', what, { where: 'msgpack codec' });
}
