import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RequestContext } from '../../src/calls/running.ts';
import type { RequestOptions } from '../../src/options.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let red: Fabric;
/** Asks. */
let a: Participant;
/** Serves. */
let b: Participant;
/** What the asking side heard. */
let heard: unknown[];

beforeEach(async () => {
  red = new Fabric('red');
  pair = await Pair.create([red]);
  ({ a, b } = pair);
  heard = [];
});
afterEach(() => pair.close());

interface Work {
  readonly context: RequestContext;
  readonly answer: (value: unknown) => void;
}

const onProgress = (value: unknown) => {
  heard.push(value);
};

/** Asks `of` for work, and returns it begun. */
async function begin(of: Participant, options: RequestOptions): Promise<Work & { result: Promise<unknown> }> {
  let work: Work | undefined;
  of.bus.serve('work', (_, context) => new Promise((answer) => (work = { context, answer })));
  await turn();
  const result = a.bus.request('work', 1, options).catch((error: { code: string }) => error.code);
  await flow(red);
  return { ...(work as unknown as Work), result };
}

describe.each(['peer', 'own bus'])('from a handler of a %s', (whose) => {
  const server = () => (whose === 'peer' ? b : a);

  test('reports are heard in order, before the answer', async () => {
    const { context, answer, result } = await begin(server(), { onProgress });
    const { progress } = context;
    for (const report of ['a quarter', { half: true }]) progress(report);
    await flow(red);
    progress('nearly');
    answer('done');
    const order = result.then((value) => [...heard, value]);
    await flow(red);
    expect(await order).toEqual(['a quarter', { half: true }, 'nearly', 'done']);
    progress('late');
    await flow(red);
    expect([heard.length, a.errors, b.errors]).toEqual([3, [], []]);
  });

  test('reports extend nothing, unless asked to', async () => {
    const { context, result } = await begin(server(), { onProgress, deadline: 50 });
    const { signal } = context;
    await pair.clock.advance(40);
    context.progress(1);
    await flow(red);
    expect(context.deadline).toBe(10);
    await pair.clock.advance(9);
    expect([a.engine.requests.pending, signal.aborted]).toEqual([1, false]);
    await pair.clock.advance(1);
    expect([await result, signal.aborted, heard]).toEqual(['DEADLINE_EXCEEDED', true, [1]]);
  });

  test.each([
    ['heard', [1, 2]],
    ['not heard', []],
  ])('reports that are %s extend both deadlines, each by a whole one, when asked to', async (how, expected) => {
    const listens = how === 'heard' ? { onProgress } : {};
    const { context, result } = await begin(server(), { ...listens, deadline: 50, extendOnProgress: true });
    const { signal } = context;
    for (const report of [1, 2]) {
      await pair.clock.advance(40);
      context.progress(report);
      await flow(red);
      expect([context.deadline, signal.aborted]).toEqual([50, false]);
    }
    await pair.clock.advance(49);
    expect(signal.aborted).toBe(false);
    await pair.clock.advance(1);
    expect([await result, signal.aborted, heard]).toEqual(['DEADLINE_EXCEEDED', true, expected]);
  });

  test('a burst is bounded: what cannot be sent is replaced by the next, and the last one arrives', async () => {
    const { context, answer, result } = await begin(server(), { onProgress });
    const { targets } = a.engine.counters;
    const before = b.engine.counters.targets;
    for (let i = 1; i <= 10_000; i++) context.progress(i);
    const sent = a.engine.counters.targets - targets + b.engine.counters.targets - before;
    expect(sent).toBeLessThanOrEqual(16);
    await flow(red);
    expect([heard.at(-1), heard.length]).toEqual([10_000, sent + 1]);
    for (let i = 1; i <= 100; i++) context.progress(-i);
    answer('done');
    await flow(red);
    expect([await result, heard.at(-1)]).toEqual(['done', -100]);
    expect(heard.length).toBeLessThan(40);
  });

  test('a report that cannot be sent throws where it is made', async () => {
    const { context } = await begin(server(), { onProgress });
    expect(() => context.progress(() => {})).toThrow(
      expect.objectContaining({ code: 'NOT_SERIALIZABLE', where: expect.stringContaining('progress of work') }),
    );
  });

  test('a listener that throws, or rejects, is reported, and the request goes on', async () => {
    let first = true;
    const { context, answer, result } = await begin(server(), {
      onProgress: (value) => {
        heard.push(value);
        if (first) throw new Error('thrown');
        return Promise.reject(new Error('rejected'));
      },
    });
    context.progress(1);
    await flow(red);
    first = false;
    context.progress(2);
    await flow(red);
    answer('done');
    await flow(red);
    expect([await result, heard]).toEqual(['done', [1, 2]]);
    expect(a.errors.map((message) => message.split(' (')[0])).toEqual([
      'HANDLER_FAILED: thrown',
      'HANDLER_FAILED: rejected',
    ]);
  });

  test('nothing is sent for who does not listen', async () => {
    const { context } = await begin(server(), {});
    const sent = () => [a.engine.counters.targets, b.engine.counters.targets];
    const before = sent();
    context.progress(() => {});
    await flow(red);
    expect(sent()).toEqual(before);
  });

  test('the handler sees its own headers, not the bus’s', async () => {
    const { context } = await begin(server(), { onProgress, headers: { tag: 'x' } });
    expect(context.headers).toEqual({ tag: 'x' });
    a.bus.serve('bare', (_, { headers }) => headers === undefined);
    expect(await a.bus.request('bare', 1, { onProgress })).toBe(true);
  });
});

test('on a link that is jammed one report waits, and the latest', async () => {
  const { context, answer, result } = await begin(b, { onProgress });
  context.progress('first');
  await flow(red);
  const lane = laneOf(red, 'b');
  lane.jammed = true;
  const { outbound } = pair.link(b);
  for (let i = 0; i < 1000; i++) context.progress(i);
  expect(outbound.queued).toBe(1);
  lane.unjam();
  await flow(red);
  answer('done');
  await flow(red);
  expect([await result, heard]).toEqual(['done', ['first', 0, 999]]);
});

test('a report to a peer that is gone is dropped', async () => {
  const { context, result } = await begin(b, { onProgress });
  laneOf(red, 'b').jammed = true;
  context.progress(1);
  context.progress(2);
  await a.bus.close();
  await turn();
  context.progress(3);
  expect([await result, b.errors]).toEqual(['CLOSED', []]);
});

test.each([
  ['onProgress', 5, 'request work'],
  ['onProgress', null, 'request work'],
  ['extendOnProgress', 'yes', 'request work'],
  ['headers', { 'busbar-progress': '9' }, 'headers'],
])('%s %j is INVALID_OPTION', async (option, value, where) => {
  a.bus.serve('work', () => 1);
  const refused = a.bus.request('work', 1, { [option]: value } as RequestOptions);
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', where });
});

test('a report that cannot be read is counted, and the request goes on', async () => {
  const { context, answer, result } = await begin(b, { onProgress });
  const decode = vi.spyOn(a.engine.codecs, 'decode').mockImplementation(() => {
    throw new Error('broken');
  });
  context.progress(1);
  await flow(red);
  decode.mockRestore();
  answer('done');
  await flow(red);
  expect([await result, heard, a.engine.counters.invalid]).toEqual(['done', [], 1]);
  expect(a.errors).toEqual([expect.stringContaining('progress of work')]);
});
