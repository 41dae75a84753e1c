import { describe, expect, test } from 'vitest';
import { assertPattern, assertTopic, isPattern, isTopic, matches } from '../../src/contract/topic.ts';

const longest = ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64), 'd'.repeat(60)].join('.');

describe('topics', () => {
  test.each(['a', 'prices.tick.EURUSD', 'A-z_0.9', 'a'.repeat(64), longest])('%s is one', (topic) => {
    expect([isTopic(topic), isPattern(topic)]).toEqual([true, true]);
    expect(() => assertTopic(topic)).not.toThrow();
  });

  test.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'ä', 'a/b', 'a\n', 'a'.repeat(65), `${longest}.e`, 'a\u0000'])(
    '%j is none, and no pattern',
    (topic) => {
      expect([isTopic(topic), isPattern(topic)]).toEqual([false, false]);
      expect(() => assertTopic(topic, 'here')).toThrow(
        expect.objectContaining({ code: 'INVALID_TOPIC', where: 'here', remedy: expect.any(String) }),
      );
      expect(() => assertPattern(topic)).toThrow(expect.objectContaining({ code: 'INVALID_PATTERN' }));
    },
  );

  test.each(['*', '>', 'a.*', 'a.>', '*.b', '*.>', 'a.*.c.>'])('%s is a pattern, not a topic', (pattern) => {
    expect([isTopic(pattern), isPattern(pattern)]).toEqual([false, true]);
    expect(() => assertTopic(pattern)).toThrow('wildcards are for subscriptions only');
  });

  test.each(['>.a', 'a.>.b', 'a*', '*a', '**', 'a.>>', '>*'])('%s is no pattern', (pattern) => {
    expect(isPattern(pattern)).toBe(false);
  });

  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  test.each([undefined, null, 7, 10n, Symbol('s'), {}, [], () => 'a', cyclic])(
    'value %# is refused by name',
    (value) => {
      expect(() => assertTopic(value)).toThrow(expect.objectContaining({ code: 'INVALID_TOPIC' }));
      expect(() => assertPattern(value)).toThrow(expect.objectContaining({ code: 'INVALID_PATTERN' }));
    },
  );
});

test.each([
  ['a.b', 'a.b', true],
  ['a.b', 'a.c', false],
  ['a.b', 'a', false],
  ['a', 'a.b', false],
  ['*', 'a', true],
  ['*', 'a.b', false],
  ['a.*', 'a.b', true],
  ['a.*', 'a', false],
  ['a.*', 'a.b.c', false],
  ['*.b', 'a.b', true],
  ['>', 'a', true],
  ['>', 'a.b.c', true],
  ['a.>', 'a', false],
  ['a.>', 'a.b', true],
  ['a.>', 'a.b.c', true],
  ['a.>', 'b.c', false],
  ['*.>', 'a', false],
  ['*.>', 'a.b', true],
])('pattern %s and topic %s: %s', (pattern, topic, matched) => {
  expect(matches(pattern, topic)).toBe(matched);
});
