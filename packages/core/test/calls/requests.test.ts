import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { allocateFrameBuffer, BusError, KIND } from '../../src/contract/index.ts';
import { call } from '../../src/contracts.ts';
import { Fabric } from '../support/fabric.ts';
import { flow, laneOf } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let red: Fabric;
/** Asks. */
let a: Participant;
/** Serves. */
let b: Participant;

beforeEach(async () => {
  red = new Fabric('red');
  pair = await Pair.create([red]);
  ({ a, b } = pair);
});
afterEach(() => pair.close());

/** What `participant` was asked and has not answered: `answers[i](value)` does. */
class Desk {
  readonly asked: unknown[] = [];
  readonly answers: ((value: unknown) => void)[] = [];
  readonly signals: AbortSignal[] = [];

  constructor(participant: Participant, name = 'work') {
    participant.bus.serve(name, (input, { signal }) => {
      this.asked.push(input);
      this.signals.push(signal);
      return new Promise((resolve) => this.answers.push(resolve));
    });
  }
}

/** Requests of a to b without an answer. */
function outstanding(name = 'work'): number {
  return pair.link(a).outbound.topic(name, a.engine.interest.entry(name).hash).outstanding;
}

const nothingPending = () => expect([a.engine.requests.pending, outstanding()]).toEqual([0, 0]);

describe('a server', () => {
  test('that does not exist is NO_RESPONDERS at once: nothing is sent, nothing waits', async () => {
    await expect(a.bus.request('work', 1)).rejects.toMatchObject({
      code: 'NO_RESPONDERS',
      where: 'request work',
      remedy: expect.any(String),
    });
    expect([a.engine.requests.pending, a.engine.counters.targets, pair.clock.pending]).toEqual([0, 0, 0]);
  });

  test('that has closed meanwhile says so itself', async () => {
    const service = b.bus.serve('work', () => 1);
    await turn();
    const refused = expect(a.bus.request('work', 1)).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
    service.close();
    await flow(red);
    await refused;
    nothingPending();
  });

  test('with the fewest requests outstanding comes first', async () => {
    const desks = [new Desk(a), new Desk(b)];
    await turn();
    const taken = () => desks.map(({ asked }) => asked.length);
    const requests: Promise<unknown>[] = [];
    const ask = async (count: number) => {
      for (let i = 0; i < count; i++) requests.push(a.bus.request('work', requests.length));
      await flow(red);
    };
    await ask(6);
    expect(taken()).toEqual([3, 3]);
    for (const free of [1, 0]) {
      for (const answer of desks[free].answers.splice(0)) answer('done');
      await flow(red);
      const before = taken();
      await ask(3);
      expect(taken()[free] - before[free]).toBe(3);
    }
    for (const answer of desks.flatMap(({ answers }) => answers)) answer('done');
    await flow(red);
    expect(await Promise.all(requests)).toEqual(new Array(12).fill('done'));
    nothingPending();
  });

  test('is as good as another with as many: they take turns', async () => {
    const desks = [new Desk(a), new Desk(b)];
    await turn();
    for (let i = 0; i < 4; i++) {
      const request = a.bus.request('work', i);
      await flow(red);
      for (const answer of desks.flatMap(({ answers }) => answers.splice(0))) answer(i);
      await flow(red);
      expect(await request).toBe(i);
    }
    expect(desks.map(({ asked }) => asked.length)).toEqual([2, 2]);
  });

  test('no transport leads to is NO_ROUTE', async () => {
    new Desk(b);
    await turn();
    await expect(a.bus.request('work', 1, { via: 'green' })).rejects.toMatchObject({
      code: 'NO_ROUTE',
      message: expect.stringContaining('green'),
    });
    nothingPending();
  });
});

describe('an answer', () => {
  test('settles its own request and frees everything of it', async () => {
    const holds = vi.spyOn(a.engine, 'holdProcess');
    const releases = vi.spyOn(a.engine, 'releaseProcess');
    const desk = new Desk(b);
    await turn();
    const { signal } = new AbortController();
    const requests = ['x', 'y'].map((input) => a.bus.request('work', input, { signal }));
    await flow(red);
    expect([desk.asked, a.engine.requests.pending, outstanding()]).toEqual([['x', 'y'], 2, 2]);
    desk.answers[1]('Y');
    await flow(red);
    expect(await requests[1]).toBe('Y');
    expect(holds.mock.calls.length - releases.mock.calls.length).toBe(1);
    desk.answers[0]('X');
    await flow(red);
    expect(await requests[0]).toBe('X');
    nothingPending();
    expect(holds.mock.calls.length - releases.mock.calls.length).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const abandons = vi.spyOn(a.engine.requests, 'abandon');
    await pair.clock.advance(60_000);
    expect(abandons).not.toHaveBeenCalled();
    expect(desk.signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  test('that is late is nobody’s, and a second one too', async () => {
    const desk = new Desk(b);
    await turn();
    const late = expect(a.bus.request('work', 1, { deadline: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await turn();
    laneOf(red, 'a').deliver(10);
    await turn();
    desk.answers[0]('too late');
    await turn();
    expect(laneOf(red, 'b').flying).toBeGreaterThan(0);
    await pair.clock.advance(50);
    await late;
    const next = a.bus.request('work', 2);
    await flow(red);
    desk.answers[1]('in time');
    await flow(red);
    expect(await next).toBe('in time');
    nothingPending();
    expect(a.errors).toEqual([]);
  });

  test('is what the contract says, else SCHEMA_MISMATCH', async () => {
    const Work = call('work', { input: z.number(), output: z.string().transform((text) => text.length) });
    b.bus.serve('work', (input) => (input === 1 ? 'four' : 4));
    await turn();
    const good = a.bus.request(Work, 1);
    const bad = expect(a.bus.request(Work, 2)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      where: 'answer of work',
    });
    await flow(red);
    expect(await good).toBe(4);
    await bad;
    nothingPending();
  });

  test.each([
    ['REPLY', 9, [1], { code: 'DECODE_FAILED' }],
    ['REPLY', 2, Buffer.from('{'), { code: 'DECODE_FAILED' }],
    ['ERROR', 2, Buffer.from('"words"'), { code: 'REMOTE_ERROR', what: 'an error without words' }],
    ['ERROR', 2, Buffer.from('null'), { code: 'REMOTE_ERROR', data: { name: 'Error', code: 'REMOTE_ERROR' } }],
    ['ERROR', 2, Buffer.from('{"code":7,"message":[],"where":{}}'), { where: 'work, at b' }],
  ] as const)('may be anything: %s in codec %i, %j', async (kind, codec, said, expected) => {
    new Desk(b);
    await turn();
    const messageId = a.engine.outgoing.nextId() + 1;
    const failed = expect(a.bus.request('work', 1)).rejects.toMatchObject(expected);
    const buffer = allocateFrameBuffer(said.length);
    buffer.u8.set(said);
    a.engine.requests.answered({ kind: KIND[kind], messageId, codec, buffer, start: 0, end: said.length });
    await failed;
    nothingPending();
  });
});

describe('an error of the handler', () => {
  const fail = async (thrown: unknown): Promise<BusError> => {
    b.bus.serve('work', () => {
      throw thrown;
    });
    await turn();
    const error = a.bus.request('work', 1).catch((caught: unknown) => caught);
    await flow(red);
    nothingPending();
    return (await error) as BusError;
  };

  test('travels with name, code, message and data', async () => {
    const error = await fail(Object.assign(new RangeError('too far'), { code: 'E_FAR', data: { limit: 3 } }));
    expect(error).toBeInstanceOf(BusError);
    expect(error).toMatchObject({
      code: 'REMOTE_ERROR',
      what: 'too far',
      where: 'work, at b',
      data: { name: 'RangeError', code: 'E_FAR', data: { limit: 3 } },
    });
  });

  test('that is one of the bus keeps its code and place', async () => {
    const error = await fail(new BusError('TOO_LARGE', 'a book', { where: 'shelf 3', data: ['p'] }));
    expect(error).toMatchObject({
      code: 'TOO_LARGE',
      what: 'a book',
      where: 'shelf 3, at b',
      data: { name: 'BusError', code: 'TOO_LARGE', data: ['p'] },
    });
  });
});

describe('a deadline', () => {
  test('ends the request and tells the server to stop', async () => {
    const desk = new Desk(b);
    await turn();
    const late = expect(a.bus.request('work', 1, { deadline: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      where: 'request work to b',
      remedy: expect.any(String),
    });
    await flow(red);
    await pair.clock.advance(49);
    expect([a.engine.requests.pending, desk.signals[0].aborted]).toEqual([1, false]);
    await pair.clock.advance(1);
    await late;
    nothingPending();
    await flow(red);
    expect(desk.signals[0].aborted).toBe(true);
  });

  test('takes back what was not sent', async () => {
    const desk = new Desk(b);
    await turn();
    red.closed = true;
    const late = expect(a.bus.request('work', 'old', { deadline: 20 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await pair.clock.advance(20);
    await late;
    red.closed = false;
    const next = a.bus.request('work', 'new');
    for (let i = 0; i < 20 && desk.asked.length === 0; i++) {
      await pair.clock.advance(50);
      await flow(red);
    }
    desk.answers[0]('done');
    await flow(red);
    expect([await next, desk.asked]).toEqual(['done', ['new']]);
    expect(a.engine.counters.outcomes).toMatchObject({ expired: 1, delivered: 1 });
  });

  test('is kept by the own bus, too', async () => {
    const desk = new Desk(a);
    const late = expect(a.bus.request('work', 1, { deadline: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await turn();
    await pair.clock.advance(50);
    await late;
    expect([desk.signals[0].aborted, a.engine.requests.pending]).toEqual([true, 0]);
  });
});

describe('an abort', () => {
  test('ends the request with the reason as cause, and tells the server to stop', async () => {
    const desk = new Desk(b);
    await turn();
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const aborted = expect(a.bus.request('work', 1, { signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
      cause: reason,
    });
    await flow(red);
    controller.abort(reason);
    nothingPending();
    await aborted;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await flow(red);
    expect(desk.signals[0].aborted).toBe(true);
  });

  test('before the call keeps it from being sent', async () => {
    new Desk(b);
    await turn();
    const signal = AbortSignal.abort();
    await expect(a.bus.request('work', 1, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(a.engine.counters.targets).toBe(0);
  });
});

describe('a peer that leaves', () => {
  test.each([
    ['unknown', 'it may have acted: ask again only if that is harmless'],
    ['not-sent', 'ask again'],
  ])('ends its requests as PEER_GONE, %s; those of others go on', async (outcome, remedy) => {
    const desk = new Desk(a);
    new Desk(b);
    await turn();
    red.closed = outcome === 'not-sent';
    const requests = [1, 2].map((input) => a.bus.request('work', input));
    await turn();
    const settled = Promise.race(requests).catch((error: unknown) => error);
    await b.bus.close();
    expect(await settled).toMatchObject({ code: 'PEER_GONE', outcome, remedy, message: expect.stringContaining('b') });
    expect(a.engine.requests.pending).toBe(1);
    desk.answers[0]('done');
    expect((await Promise.allSettled(requests)).map(({ status }) => status).toSorted()).toEqual([
      'fulfilled',
      'rejected',
    ]);
    expect(a.engine.requests.pending).toBe(0);
  });

  test('may have acted on what it took, confirmed or not', async () => {
    new Desk(b);
    await turn();
    const gone = expect(a.bus.request('work', 1)).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'unknown' });
    await flow(red);
    expect(a.engine.counters.outcomes.delivered).toBe(1);
    await Promise.all([b.bus.close({ timeout: 1 }), pair.clock.advance(1)]);
    await gone;
    expect(a.engine.requests.pending).toBe(0);
  });
});

test('the bus that closes ends its requests as CLOSED', async () => {
  new Desk(b);
  await turn();
  const closed = expect(a.bus.request('work', 1)).rejects.toMatchObject({ code: 'CLOSED' });
  await flow(red);
  await Promise.all([a.bus.close({ timeout: 5 }), pair.clock.advance(5)]);
  await closed;
  expect(a.engine.requests.pending).toBe(0);
});
