import { BusError } from '../contract/index.ts';

/**
 * Throws NOT_SERIALIZABLE, naming the path, for what a JSON-like codec would lose in silence: functions, symbols and
 * numbers JSON has no word for. Called by the json codec on every value (msgpackr reports its own).
 */
export function assertEncodable(value: unknown, codec: string): void {
  visit(value, '$', codec, 0);
}

const MAX_DEPTH = 64;

function visit(value: unknown, path: string, codec: string, depth: number): void {
  switch (typeof value) {
    case 'function':
    case 'symbol':
    case 'bigint':
      throw refused(`a ${typeof value}`, path, codec);
    case 'number':
      if (!Number.isFinite(value)) throw refused(String(value), path, codec);
      return;
    case 'object':
      break;
    default:
      return;
  }
  if (value === null || typeof (value as { toJSON?: unknown }).toJSON === 'function') return;
  if (depth >= MAX_DEPTH) throw refused(`nesting deeper than ${MAX_DEPTH}`, path, codec);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) visit(value[i], `${path}[${i}]`, codec, depth + 1);
    return;
  }
  for (const key of Object.keys(value))
    visit((value as Record<string, unknown>)[key], `${path}.${key}`, codec, depth + 1);
}

function refused(what: string, path: string, codec: string): BusError {
  return new BusError('NOT_SERIALIZABLE', `the ${codec} codec cannot carry ${what}`, {
    where: path,
    remedy: 'leave it out or convert it before publishing',
  });
}
