import { describe, expect, test } from 'vitest';
import { priorityIndex } from '../src/contract/qos.ts';
import { assertQos, DEFAULT_QOS, resolveQos } from '../src/qos.ts';

const invalid = expect.objectContaining({ code: 'INVALID_OPTION', where: 'here', remedy: expect.any(String) });

describe('resolveQos', () => {
  test('nothing said: normal, reliable, volatile', () => {
    expect(resolveQos(undefined, undefined, 'here')).toBe(DEFAULT_QOS);
    expect(resolveQos({}, {}, 'here')).toEqual({ priority: 2, reliability: 'reliable', durability: 'volatile' });
  });

  test('the own word over the usual, field by field', () => {
    const usual = { priority: 'critical', reliability: 'best-effort' } as const;
    expect(resolveQos(undefined, usual, 'here')).toEqual({
      priority: 0,
      reliability: 'best-effort',
      durability: 'volatile',
    });
    expect(resolveQos({ priority: 'batch', durability: 'disk' }, usual, 'here')).toEqual({
      priority: 4,
      reliability: 'best-effort',
      durability: 'disk',
    });
    expect(resolveQos({ priority: undefined }, usual, 'here').priority).toBe(0);
  });
});

test.each([
  { priority: 'urgent' },
  { priority: 2 },
  { priority: null },
  { priority: 2n },
  { reliability: 'exactly-once' },
  { durability: true },
  { durability: '' },
])('%o is refused by name', (qos) => {
  expect(() => assertQos(qos as never, 'here')).toThrow(invalid);
  expect(() => resolveQos(qos as never, undefined, 'here')).toThrow(invalid);
});

test('priorities by name', () => {
  expect(['critical', 'high', 'normal', 'low', 'batch', 'other'].map(priorityIndex)).toEqual([0, 1, 2, 3, 4, -1]);
});
