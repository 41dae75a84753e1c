import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPattern, matches } from '../../src/contract/topic.ts';
import { PatternTrie } from '../../src/interest/trie.ts';

/** Few tokens, so that patterns and topics meet often. */
const token = fc.constantFrom('a', 'b', 'c');
const topic = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 4 }), fc.oneof(token, fc.constantFrom('*', '>')))
  .map(([tokens, last]) => [...tokens, last].join('.'));
const value = fc.integer({ min: 0, max: 3 });
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), pattern, value }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), pattern, value }) },
);

describe('PatternTrie', () => {
  test('agrees with a plain list of (pattern, value) and `matches`, through adding and removing', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), fc.array(topic, { maxLength: 5 }), (commands, topics) => {
        const trie = new PatternTrie<number>();
        const list: { pattern: string; value: number }[] = [];
        for (const { do: what, pattern, value } of commands) {
          const same = list.filter((pair) => pair.pattern === pattern && pair.value === value).length;
          if (what === 'add') {
            expect(trie.add(pattern, value)).toBe(same === 0);
            list.push({ pattern, value });
          } else {
            expect(trie.remove(pattern, value)).toBe(same === 1);
            const at = list.findIndex((pair) => pair.pattern === pattern && pair.value === value);
            if (at >= 0) list.splice(at, 1);
          }
          expect(trie.size).toBe(new Set(list.map((pair) => `${pair.pattern} ${pair.value}`)).size);
        }
        for (const one of topics) {
          const found = trie.match(one);
          const expected = new Set(list.filter((pair) => matches(pair.pattern, one)).map((pair) => pair.value));
          expect(new Set(found)).toEqual(expected);
          expect(found).toHaveLength(expected.size);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('what is generated here is valid, and often matches', () => {
    const patterns = fc.sample(pattern, 500);
    const topics = fc.sample(topic, 500);
    expect(patterns.every(isPattern)).toBe(true);
    const hits = patterns.filter((one, i) => matches(one, topics[i])).length;
    expect(hits).toBeGreaterThan(20);
  });

  test('emptied, it answers as new', () => {
    const trie = new PatternTrie<string>();
    const patterns = ['a', 'a.b', 'a.*', '>', 'a.>', '*.b'];
    for (const one of patterns) trie.add(one, 'x');
    for (const one of patterns) expect(trie.remove(one, 'x')).toBe(true);
    expect([trie.size, trie.match('a'), trie.match('a.b')]).toEqual([0, [], []]);
    expect(trie.remove('a', 'x')).toBe(false);
  });

  test('removing one value keeps the others, and longer patterns', () => {
    const trie = new PatternTrie<string>();
    trie.add('a', 'x');
    trie.add('a', 'y');
    trie.add('a.b', 'z');
    trie.remove('a', 'x');
    expect([trie.match('a'), trie.match('a.b')]).toEqual([['y'], ['z']]);
    expect(trie.remove('a.b.c', 'z')).toBe(false);
    expect(trie.remove('a', 'nobody')).toBe(false);
  });
});
