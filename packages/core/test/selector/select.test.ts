import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Facts, HYBRID, type Policy, rules } from '../../src/selector/policy.ts';
import { type Candidate, select } from '../../src/selector/select.ts';
import { candidate } from '../support/candidates.ts';

const NAMES = ['shm', 'uring', 'uds', 'pipe', 'mmap', 'dma', 'memory', 'dbus', 'other'];

const anyFacts: fc.Arbitrary<Facts> = fc.record({
  topic: fc.constantFrom('a', 'a.b', 'video.cam'),
  priority: fc.integer({ min: 0, max: 4 }),
  reliability: fc.constantFrom('best-effort', 'reliable', 'acknowledged'),
  durability: fc.constantFrom('volatile', 'process', 'disk'),
  bytes: fc.constantFrom(0, 1, 1000, 1001, 65_536, 65_537, 1_048_576),
  awake: fc.constantFrom([], ['shm']),
  left: fc.option(
    fc
      .subarray(NAMES)
      .map((names) => new Map(names.map((name) => [name, { cause: 'slow' as const, why: 'it is slow today' }]))),
    { nil: undefined },
  ),
});

const anyCandidates: fc.Arbitrary<Candidate[]> = fc.uniqueArray(
  fc
    .record({
      transport: fc.constantFrom(...NAMES),
      lossless: fc.boolean(),
      ordered: fc.boolean(),
      late: fc.boolean(),
      durable: fc.constantFrom('none' as const, 'process' as const, 'disk' as const),
      maxMessageLength: fc.constantFrom(1000, 65_536, 2 ** 30),
      state: fc.constantFrom<Candidate['state']>('idle', 'connecting', 'up', 'leaving', 'down'),
    })
    .map(({ transport, lossless, ordered, durable, maxMessageLength, state, late }) => ({
      ...candidate(transport, { lossless, ordered, durable, maxMessageLength }, state),
      late: late && state === 'connecting',
    })),
  { selector: ({ transport }) => transport },
);

/** The hard filters, said again in other words. */
function mayCarry(
  facts: Facts,
  { capabilities: can, state }: Candidate,
  via: string | undefined,
  name: string,
): boolean {
  const kept = { volatile: true, process: can.durable !== 'none', disk: can.durable === 'disk' }[facts.durability];
  const arrives = facts.reliability === 'best-effort' || (can.lossless && can.ordered);
  const isThere = state !== 'down' && state !== 'leaving';
  return kept && arrives && facts.bytes <= can.maxMessageLength && isThere && (via ?? name) === name;
}

describe('select', () => {
  test('whatever is chosen passes every hard filter; every other candidate has exactly one reason', () => {
    fc.assert(
      fc.property(
        anyFacts,
        anyCandidates,
        fc.option(fc.constantFrom(...NAMES), { nil: undefined }),
        (facts, all, via) => {
          const { route, rejected } = select(facts, all, HYBRID, via);
          const fit = all.filter((one) => mayCarry(facts, one, via, one.transport));
          if (fit.length === 0) expect(route).toBeUndefined();
          else expect(fit).toContain(route);
          const others = all.filter((one) => one !== route).map(({ transport }) => transport);
          expect(rejected.map(({ transport }) => transport).toSorted()).toEqual(others.toSorted());
          for (const { reason } of rejected) expect(reason).not.toBe('');
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('among those that fit, none that the policy prefers is passed over', () => {
    fc.assert(
      fc.property(anyFacts, anyCandidates, (facts, all) => {
        const { route } = select(facts, all, HYBRID);
        const { prefer } = HYBRID.prefer(facts);
        const rank = ({ transport }: Candidate) =>
          (prefer.indexOf(transport) + prefer.length + 1) % (prefer.length + 1);
        const fits = all.filter((one) => mayCarry(facts, one, undefined, one.transport));
        if (route === undefined) return;
        // What was left, or has not connected in time, is taken only where there is nothing else.
        const isLast = (one: Candidate) => one.late === true || facts.left?.has(one.transport) === true;
        const fit = fits.filter((one) => isLast(one) === fits.every(isLast));
        expect(fit).toContain(route);
        const position = (one: Candidate) => (prefer.includes(one.transport) ? prefer.indexOf(one.transport) : 99);
        for (const other of fit) expect(position(other)).toBeGreaterThanOrEqual(position(route));
        // Of those it does not name, the first installed.
        if (position(route) === 99) expect(fit[0]).toBe(route);
        expect(rank(route)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });

  test('is a pure function: it changes nothing and answers the same again', () => {
    fc.assert(
      fc.property(anyFacts, anyCandidates, (facts, all) => {
        const frozen = Object.freeze(all.map((one) => Object.freeze({ ...one })));
        const first = select(Object.freeze({ ...facts }), frozen, HYBRID);
        expect(select(facts, frozen, HYBRID)).toEqual(first);
      }),
      { numRuns: 200 },
    );
  });

  const plain: Facts = {
    topic: 'a.b',
    priority: 2,
    reliability: 'reliable',
    durability: 'volatile',
    bytes: 10,
    awake: [],
  };

  test('each filter says what is the matter', () => {
    const reasonOf = (facts: Partial<Facts>, one: Candidate, via?: string) =>
      select({ ...plain, ...facts }, [one], HYBRID, via).rejected[0]?.reason;
    expect(reasonOf({}, candidate('uds'), 'shm')).toContain('forced via shm');
    expect(reasonOf({}, candidate('uds', { lossless: false }))).toContain('may lose');
    expect(reasonOf({ reliability: 'acknowledged' }, candidate('uds', { lossless: false }))).toContain(
      'is acknowledged',
    );
    expect(reasonOf({ durability: 'process' }, candidate('uds'))).toContain('stores nothing');
    expect(reasonOf({ durability: 'disk' }, candidate('mmap', { durable: 'process' }))).toContain('disk');
    expect(reasonOf({ bytes: 11 }, candidate('uds', { maxMessageLength: 10 }))).toContain('at most 10 bytes');
    expect(reasonOf({}, candidate('uds', {}, 'down'))).toContain('broken');
  });

  test('says which measurement made it pass over what it prefers', () => {
    const left = new Map([['uds', { cause: 'slow' as const, why: 'its p50 of 300 us misses 100 us' }]]);
    const { route, reason, rule, rejected } = select({ ...plain, left }, [candidate('uds'), candidate('pipe')], HYBRID);
    expect(route?.transport).toBe('pipe');
    expect(reason).toBe('normal: a socket wakes its receiver; uds is left: its p50 of 300 us misses 100 us');
    expect(rule).toBe('normal: a socket wakes its receiver; uds is slow');
    expect(rejected).toEqual([{ transport: 'uds', reason: 'left: its p50 of 300 us misses 100 us', temporary: false }]);
    // Alone it serves all the same.
    expect(select({ ...plain, left }, [candidate('uds')], HYBRID).route?.transport).toBe('uds');
  });

  test('passes over what has not connected in time', () => {
    const late = { ...candidate('uds', {}, 'connecting'), late: true };
    const { route, rejected } = select(plain, [late, candidate('pipe')], HYBRID);
    expect([route?.transport, rejected[0]?.reason]).toEqual(['pipe', 'it has not connected yet']);
    expect(select(plain, [late], HYBRID).route).toBe(late);
  });

  test('only a route that is down, and would do, is rejected for the moment', () => {
    const { rejected } = select(
      plain,
      [candidate('shm', {}, 'down'), candidate('uring', { lossless: false }, 'down'), candidate('uds')],
      HYBRID,
    );
    expect(rejected.map(({ transport, temporary }) => [transport, temporary])).toEqual([
      ['shm', true],
      ['uring', false],
    ]);
  });

  test('nothing is better than nothing: no candidates, no route, no reasons', () => {
    expect(select(plain, [], HYBRID)).toMatchObject({ route: undefined, rejected: [] });
  });
});

describe('rules', () => {
  const facts = (change: Partial<Facts>): Facts => ({
    topic: 'a.b',
    priority: 2,
    reliability: 'reliable',
    durability: 'volatile',
    bytes: 100,
    awake: [],
    ...change,
  });
  const all = ['shm', 'uring', 'uds', 'pipe'].map((name) => candidate(name));
  const chosen = (policy: Policy, change: Partial<Facts>) => {
    const { route, reason } = select(facts(change), all, policy);
    return [route?.transport, reason];
  };

  test('the first that matches wins; what none matches is the base policy', () => {
    const policy = rules([
      { match: { topic: 'video.>' }, prefer: ['pipe'] },
      { match: { topic: 'video.cam', priority: 'normal' }, prefer: ['shm'] },
    ]);
    expect(chosen(policy, { topic: 'video.cam' })).toEqual(['pipe', 'rule 1']);
    expect(chosen(policy, { topic: 'audio' })[0]).toBe('uds');
  });

  test.each<[string, Parameters<typeof rules>[0][number]['match'], Partial<Facts>, boolean]>([
    ['topic', { topic: 'a.*' }, {}, true],
    ['topic', { topic: 'a.*' }, { topic: 'b.a' }, false],
    ['priority', { priority: 'high' }, { priority: 1 }, true],
    ['priority', { priority: 'high' }, {}, false],
    ['reliability', { reliability: 'best-effort' }, { reliability: 'best-effort' }, true],
    ['reliability', { reliability: 'best-effort' }, {}, false],
    ['bytes from', { bytes: { min: 100 } }, { bytes: 100 }, true],
    ['bytes from', { bytes: { min: 101 } }, { bytes: 100 }, false],
    ['bytes to', { bytes: { max: 100 } }, { bytes: 100 }, true],
    ['bytes to', { bytes: { max: 99 } }, { bytes: 100 }, false],
    ['all of them', { topic: 'a.b', bytes: { min: 1 }, priority: 'normal' }, {}, true],
    ['nothing', {}, {}, true],
  ])('match by %s', (_, match, change, applies) => {
    const policy = rules([{ match, prefer: ['pipe'] }]);
    expect(chosen(policy, change)[0] === 'pipe').toBe(applies);
  });

  test('forbid is a filter, with the rule as its reason; prefer keeps the rest of the order', () => {
    const policy = rules([{ match: {}, prefer: ['uring'], forbid: ['uds'] }]);
    const { route, rejected } = select(facts({}), all, policy);
    expect(route?.transport).toBe('uring');
    expect(rejected.find(({ transport }) => transport === 'uds')?.reason).toBe('forbidden by rule 1');
    const without = all.filter(({ transport }) => transport !== 'uring');
    expect(select(facts({}), without, policy).route?.transport).toBe('shm');
  });

  test('a rule never bends a hard filter', () => {
    const policy = rules([{ match: {}, prefer: ['lossy'] }]);
    const { route } = select(facts({}), [candidate('lossy', { lossless: false }), ...all], policy);
    expect(route?.transport).toBe('uds');
  });

  test('its size bounds become borders of size classes', () => {
    const policy = rules([
      { match: { bytes: { min: 500, max: 1000 } }, prefer: ['pipe'] },
      { match: { bytes: { max: 65_536 } }, prefer: ['shm'] },
    ]);
    expect(policy.borders).toEqual([499, 1000, 65_536, 1_048_575]);
    const classOf = (bytes: number) => policy.borders.filter((border) => bytes > border).length;
    expect([classOf(499), classOf(500), classOf(1000), classOf(1001)]).toEqual([0, 1, 1, 2]);
  });
});
