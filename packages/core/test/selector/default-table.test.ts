import { describe, expect, test } from 'vitest';
import { type Facts, HYBRID } from '../../src/selector/policy.ts';
import { select } from '../../src/selector/select.ts';
import { candidate } from '../support/candidates.ts';

const KIB_64 = 65_536;
const MIB_1 = 1_048_576;

function facts(priority: number, bytes: number, more: Partial<Facts> = {}): Facts {
  return { topic: 'a.b', priority, reliability: 'reliable', durability: 'volatile', bytes, awake: [], ...more };
}

const EVERYTHING = ['dbus', 'pipe', 'mmap', 'dma', 'uds', 'uring', 'shm'].map((name) =>
  candidate(name, name === 'mmap' ? { durable: 'disk' } : {}),
);

/** Takes the chosen one away again and again: the whole order. */
function order(one: Facts): string[] {
  let left = EVERYTHING;
  const chosen: string[] = [];
  for (let route = select(one, left, HYBRID).route; route !== undefined; route = select(one, left, HYBRID).route) {
    chosen.push(route.transport);
    left = left.filter((other) => other !== route);
  }
  return chosen;
}

describe('the default table, tier by tier', () => {
  // Transports that a line does not name come after those it names, as they were installed.
  test.each<[string, Facts, string[]]>([
    ['critical', facts(0, 100), ['shm', 'uring', 'uds', 'pipe', 'dbus']],
    ['critical, large', facts(0, MIB_1), ['shm', 'uring', 'uds', 'pipe', 'dbus']],
    ['high, 64 KiB', facts(1, KIB_64), ['shm', 'uring', 'uds', 'pipe', 'dbus']],
    ['high, over 64 KiB', facts(1, KIB_64 + 1), ['uring', 'dma', 'shm', 'uds']],
    ['normal, receiver asleep', facts(2, 100), ['uds', 'shm', 'uring', 'pipe', 'dbus']],
    ['normal, receiver awake', facts(2, 100, { awake: ['shm'] }), ['shm', 'uds', 'uring', 'pipe', 'dbus']],
    ['normal, another awake', facts(2, 100, { awake: ['uring'] }), ['uds', 'shm', 'uring', 'pipe', 'dbus']],
    ['low', facts(3, 100), ['mmap', 'uds', 'pipe', 'shm', 'dbus']],
    ['batch, under 1 MiB', facts(4, MIB_1 - 1), ['uds', 'mmap', 'pipe', 'shm']],
    ['batch, 1 MiB', facts(4, MIB_1), ['dma', 'uring', 'shm', 'uds']],
  ])('%s', (_, one, expected) => {
    const rest = EVERYTHING.map(({ transport }) => transport).filter((name) => !expected.includes(name));
    expect(order(one)).toEqual([...expected, ...rest]);
  });

  test.each(['process', 'disk'] as const)('durable %s: the log, and nothing that stores nothing', (durability) => {
    for (let priority = 0; priority < 5; priority++) {
      const { route, rejected, reason } = select(facts(priority, 100, { durability }), EVERYTHING, HYBRID);
      expect([route?.transport, rejected.length]).toEqual(['mmap', 6]);
      expect(reason).toContain('durable');
    }
  });

  test('a participant of the same process is reached through memory, whatever the message', () => {
    const routes = [...EVERYTHING, candidate('memory')];
    for (let priority = 0; priority < 5; priority++) {
      for (const bytes of [0, KIB_64 + 1, MIB_1])
        expect(select(facts(priority, bytes), routes, HYBRID).route?.transport).toBe('memory');
    }
  });

  test('a transport nobody ever heard of is taken when it is the only one', () => {
    expect(select(facts(2, 100), [candidate('carrier-pigeon')], HYBRID).route?.transport).toBe('carrier-pigeon');
  });

  test('the borders name every size at which the table changes', () => {
    const sizes = [0, 1, KIB_64 - 1, KIB_64, KIB_64 + 1, MIB_1 - 1, MIB_1, MIB_1 + 1, 2 ** 30];
    const classOf = (bytes: number) => HYBRID.borders.filter((border) => bytes > border).length;
    for (const a of sizes) {
      for (const b of sizes.filter((other) => classOf(other) === classOf(a))) {
        for (let priority = 0; priority < 5; priority++)
          expect(HYBRID.prefer(facts(priority, a)), `${priority}: ${a}, ${b}`).toEqual(
            HYBRID.prefer(facts(priority, b)),
          );
      }
    }
  });
});
