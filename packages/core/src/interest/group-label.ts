import { BusError, isPattern, isTopic, MAX_TOPIC_BYTES, shown } from '../contract/index.ts';

/** Between topic or pattern and group; no token has it. */
const SEPARATOR = '|';

/** A topic or pattern, and the group that shares it. */
export interface GroupLabel {
  readonly name: string;
  readonly group: string;
}

/** How a group's part of a topic, or of a pattern, is named on the wire: `prices.tick|workers`. */
export function groupLabel(name: string, group: string): string {
  return name + SEPARATOR + group;
}

/** The two parts, unchecked; undefined when there is no group in it. */
export function splitLabel(label: string): GroupLabel | undefined {
  const at = label.indexOf(SEPARATOR);
  return at < 0 ? undefined : { name: label.slice(0, at), group: label.slice(at + 1) };
}

/** True for one topic token. */
export function isGroup(value: unknown): value is string {
  return isTopic(value) && !value.includes('.');
}

/** True for a pattern and a group, as peers announce them. */
export function isGroupPattern(value: unknown): value is string {
  const label = typeof value === 'string' ? splitLabel(value) : undefined;
  return label !== undefined && isPattern(label.name) && isGroup(label.group);
}

/** A frame names its topic in so many bytes at most, the group included. */
export function fitsFrame(label: string): boolean {
  return label.length <= MAX_TOPIC_BYTES;
}

/** @throws BusError INVALID_OPTION */
export function assertGroup(value: unknown, where: string): void {
  if (value === undefined || isGroup(value)) return;
  throw new BusError('INVALID_OPTION', `${shown(value)} is not the name of a group`, {
    where,
    remedy: 'use one topic token: letters, digits, _ and -, 1 to 64 of them',
  });
}
