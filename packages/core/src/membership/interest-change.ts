import { BusError } from '../contract/index.ts';

/** What a subscribe or unsubscribe message says. JSON on the wire. */
export interface InterestChange {
  readonly patterns?: readonly string[];
  /** Patterns that groups share: `pattern|group`. */
  readonly groups?: readonly string[];
  readonly services?: readonly string[];
  /** The whole interest, in place of what was said before. */
  readonly all?: boolean;
}

/** @throws BusError PROTOCOL_ERROR */
export function parseChange(payload: Uint8Array, where: string): InterestChange {
  let change: unknown;
  try {
    change = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    // Falls through: not JSON is as wrong as not an object.
  }
  const isList = (list: unknown): boolean => list === undefined || Array.isArray(list);
  if (typeof change === 'object' && change !== null) {
    const { patterns, groups, services } = change as InterestChange;
    if (isList(patterns) && isList(groups) && isList(services)) return change as InterestChange;
  }
  throw new BusError('PROTOCOL_ERROR', 'a subscription message that is no object of lists', {
    where,
    remedy: 'run compatible releases of @busbar/core on both sides',
  });
}
