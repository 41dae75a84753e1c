import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Answers } from '../../src/calls/many-answers.ts';
import { BusError, type PeerInfo } from '../../src/contract/index.ts';
import { call } from '../../src/contracts.ts';
import type { RequestManyOptions } from '../../src/options.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Desk, nothingPending, type Read, read } from '../support/many.ts';
import { Mesh } from '../support/mesh.ts';
import { type Participant, turn } from '../support/pair.ts';

let red: Fabric;
let mesh: Mesh;
/** Asks. */
let a: Participant;
let b: Participant;
let c: Participant;

beforeEach(async () => {
  red = new Fabric('red');
  mesh = await Mesh.create(3, red);
  [a, b, c] = mesh.members;
});
afterEach(async () => {
  await mesh.close();
  expect(a.engine.requests.askers.size).toBe(0);
});

async function ask(options?: RequestManyOptions): Promise<Read> {
  const result = read(a.bus.requestMany('work', 1, options));
  await flow(red);
  return result;
}

describe('many are asked', () => {
  test('each once, the own bus too; answers come as they are given', async () => {
    const [here, there, elsewhere] = [new Desk(red, a), new Desk(red, b), new Desk(red, c)];
    await turn();
    const result = await ask({ headers: { tag: 'x' }, priority: 'high' });
    for (const { asked } of [here, there, elsewhere]) {
      expect(asked).toHaveLength(1);
      expect(asked[0].headers).toEqual({ tag: 'x' });
    }
    await elsewhere.answer('C');
    expect([result.items, result.end]).toEqual([['c: C'], undefined]);
    await here.answer('A');
    await there.answer('B');
    expect(result).toEqual({ items: ['c: C', 'a: A', 'b: B'], end: 'done' });
    nothingPending(a);
  });

  test('at once; the answers wait to be read', async () => {
    b.bus.serve('work', () => 'B');
    await turn();
    const answers = a.bus.requestMany('work', 1);
    await flow(red);
    nothingPending(a);
    expect(await answers.next()).toEqual({
      done: false,
      value: { from: expect.objectContaining({ name: 'b' }), value: 'B' },
    });
    expect(await answers.next()).toEqual({ done: true, value: undefined });
    expect(await answers.next()).toEqual({ done: true, value: undefined });
  });

  test('with nobody there it throws NO_RESPONDERS: nothing is sent, nothing waits', () => {
    expect(() => a.bus.requestMany('work', 1)).toThrow(
      expect.objectContaining({
        code: 'NO_RESPONDERS',
        where: 'requestMany work',
        remedy: expect.any(String),
      }),
    );
    expect([a.engine.requests.pending, a.engine.counters.targets, mesh.clock.pending]).toEqual([0, 0, 0]);
  });

  test('who comes later is not asked', async () => {
    const desk = new Desk(red, b);
    await turn();
    const result = await ask();
    const late = new Desk(red, c);
    await flow(red);
    await desk.answer('B');
    expect([result, late.asked]).toEqual([{ items: ['b: B'], end: 'done' }, []]);
  });

  test('several readers share the answers', async () => {
    for (const { bus } of [b, c]) bus.serve('work', () => bus.self.name);
    await turn();
    const answers = a.bus.requestMany('work', 1);
    const results = [1, 2, 3].map(() => answers.next());
    await flow(red);
    const values = (await Promise.all(results)).map(({ value }) => value?.value);
    expect(new Set(values)).toEqual(new Set(['b', 'c', undefined]));
  });
});

describe('a failure', () => {
  test('is the item of its server and ends no other', async () => {
    b.bus.serve('work', () => {
      throw Object.assign(new RangeError('too far'), { code: 'E_FAR' });
    });
    const desk = new Desk(red, c);
    await turn();
    const answers = a.bus.requestMany('work', 1);
    await flow(red);
    const { value } = await answers.next();
    expect(value?.error).toBeInstanceOf(BusError);
    expect(value).toMatchObject({ from: { name: 'b' }, error: { code: 'REMOTE_ERROR', data: { code: 'E_FAR' } } });
    await desk.answer('C');
    expect(await answers.next()).toMatchObject({ done: false, value: { value: 'C' } });
    expect(await answers.next()).toMatchObject({ done: true });
  });

  test('of the contract is one, too', async () => {
    const Work = call('work', { input: z.number(), output: z.string() });
    b.bus.serve('work', () => 5);
    c.bus.serve('work', () => 'five');
    await turn();
    const result = read(a.bus.requestMany(Work, 1));
    await flow(red);
    expect([...result.items].sort()).toEqual(['b: SCHEMA_MISMATCH', 'c: five']);
    expect(() => a.bus.requestMany(Work, 'one' as never)).toThrow(expect.objectContaining({ code: 'SCHEMA_MISMATCH' }));
  });

  test.each([
    ['dies', () => mesh.kill(b), 'b: PEER_GONE'],
    ['leaves', () => Promise.all([b.bus.close({ timeout: 1 }), mesh.clock.advance(1)]), 'b: PEER_GONE'],
  ])('of a server that %s is PEER_GONE', async (_, end, item) => {
    new Desk(red, b);
    const desk = new Desk(red, c);
    await turn();
    const result = await ask();
    await end();
    await flow(red);
    expect(result).toEqual({ items: [item], end: undefined });
    await desk.answer('C');
    expect(result).toEqual({ items: [item, 'c: C'], end: 'done' });
    expect(a.engine.requests.pending).toBe(0);
  });

  test('of a server that no transport leads to is NO_ROUTE, before anything is read', async () => {
    for (const { bus } of [a, b, c]) bus.serve('work', () => 'here');
    await turn();
    const result = await ask({ via: 'green' });
    expect(result).toEqual({ items: ['b: NO_ROUTE', 'c: NO_ROUTE', 'a: here'], end: 'done' });
    nothingPending(a);
  });
});

describe('the deadline', () => {
  test('gives an item for each who has not answered, and tells them to stop', async () => {
    const desks = [new Desk(red, a), new Desk(red, b)];
    c.bus.serve('work', () => 'C');
    await turn();
    const result = await ask({ deadline: 50 });
    await mesh.clock.advance(49);
    expect(result.end).toBe(undefined);
    await mesh.clock.advance(1);
    await flow(red);
    expect([...result.items].sort()).toEqual(['a: DEADLINE_EXCEEDED', 'b: DEADLINE_EXCEEDED', 'c: C']);
    expect([result.end, desks.map(({ aborted }) => aborted)]).toEqual(['done', [[true], [true]]]);
    nothingPending(a);
  });

  test('is at most what is left of the request it is made for', async () => {
    const desks = [new Desk(red, b), new Desk(red, c)];
    a.bus.serve('outer', (_, within) => {
      a.bus.requestMany('work', 1, { within, deadline: 500 });
      a.bus.requestMany('work', 1, { within, deadline: 20 });
      return 'done';
    });
    await turn();
    const outer = a.bus.request('outer', 1, { deadline: 70 });
    await flow(red);
    expect(await outer).toBe('done');
    for (const { asked } of desks) expect(asked.map(({ deadline }) => deadline)).toEqual([70, 20]);
    await mesh.clock.advance(70);
  });
});

test.each([
  ['max', 0],
  ['max', 1.5],
  ['max', -1],
  ['max', Number.POSITIVE_INFINITY],
  ['max', '2'],
  ['max', null],
  ['quiet', 0],
  ['quiet', -5],
  ['quiet', Number.NaN],
  ['quiet', Number.POSITIVE_INFINITY],
  ['quiet', '5'],
  ['deadline', 0],
  ['within', {}],
])('%s %s is INVALID_OPTION', (option, value) => {
  a.bus.serve('work', () => 1);
  expect(() => a.bus.requestMany('work', 1, { [option]: value })).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', where: 'requestMany work', remedy: expect.any(String) }),
  );
  expect([a.engine.counters.targets, a.engine.requests.askers.size]).toEqual([0, 0]);
});

test('an aborted signal keeps it from being sent', () => {
  a.bus.serve('work', () => 1);
  const signal = AbortSignal.abort();
  expect(() => a.bus.requestMany('work', 1, { signal })).toThrow(expect.objectContaining({ code: 'ABORTED' }));
  expect(a.engine.counters.targets).toBe(0);
});

test('contracts give the types', async () => {
  const Size = call('size', { input: z.string(), output: z.number() });
  b.bus.serve(Size, (text) => text.length);
  await turn();
  const answers = a.bus.requestMany(Size, 'four');
  expectTypeOf(answers).toEqualTypeOf<Answers<number>>();
  await flow(red);
  for await (const { from, value, error } of answers) {
    expectTypeOf(from).toEqualTypeOf<PeerInfo>();
    if (error !== undefined) throw error;
    expectTypeOf(value).toEqualTypeOf<number>();
    expect(value).toBe(4);
  }
  // @ts-expect-error -- the input is a string
  expect(() => a.bus.requestMany(Size, 4)).toThrow();
});
