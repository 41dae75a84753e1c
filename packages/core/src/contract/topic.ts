import { BusError } from './errors.ts';
import { shown } from './shown.ts';

/**
 * Topics and patterns.
 *
 * A topic is one or more tokens of `[A-Za-z0-9_-]{1,64}` joined by dots, at most 255 bytes: `prices.tick.EURUSD`.
 * A pattern may use `*` for exactly one token and, as its last token only, `>` for one or more: `prices.*`, `agent.>`.
 * Both are checked at every entrance, frames from peers included.
 */
export const MAX_TOPIC_BYTES = 255;

const TOPIC = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64})*$/;
const PATTERN = /^(?:(?:[A-Za-z0-9_-]{1,64}|\*)\.)*(?:[A-Za-z0-9_-]{1,64}|\*|>)$/;

export function isTopic(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TOPIC_BYTES && TOPIC.test(value);
}

export function isPattern(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TOPIC_BYTES && PATTERN.test(value);
}

/** @throws BusError INVALID_TOPIC */
export function assertTopic(value: unknown, where = 'topic'): asserts value is string {
  if (isTopic(value)) return;
  const wildcard = isPattern(value) ? '; wildcards are for subscriptions only' : '';
  throw new BusError('INVALID_TOPIC', `${shown(value)} is not a topic${wildcard}`, {
    where,
    remedy: 'use tokens of letters, digits, _ and - (1 to 64 each) joined by dots, at most 255 bytes',
  });
}

/** @throws BusError INVALID_PATTERN */
export function assertPattern(value: unknown, where = 'pattern'): asserts value is string {
  if (isPattern(value)) return;
  throw new BusError('INVALID_PATTERN', `${shown(value)} is not a topic pattern`, {
    where,
    remedy: 'use topic tokens joined by dots, * for one token, and > only as the last token',
  });
}

/** True when `topic` is matched by `pattern`. The bus itself uses a trie; this is for rules, tests and tools. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const tokens = topic.split('.');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '>') return tokens.length > i;
    if (i >= tokens.length || (wanted[i] !== '*' && wanted[i] !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}
