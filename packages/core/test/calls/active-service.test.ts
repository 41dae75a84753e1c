import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { RequestHandler } from '../../src/calls/active-service.ts';
import type { RemoteFailure } from '../../src/calls/remote-failure.ts';
import { BusError } from '../../src/contract/index.ts';
import type { Link } from '../../src/link/link.ts';
import { turn } from '../support/pair.ts';
import { desk, type ServeOptions, serve } from '../support/service-desk.ts';

describe('concurrency', () => {
  test('bounds the handlers; the rest begin in order, as places become free', async () => {
    const { host, service, begun, answer } = desk(2);
    for (const id of [1, 2, 3, 4, 5]) host.ask(id);
    expect([begun, service.active, service.queued]).toEqual([[1, 2], 2, 3]);
    await answer(2);
    expect([begun, service.active, service.queued]).toEqual([[1, 2, 3], 2, 2]);
    await answer(1);
    await answer(3);
    expect([begun, service.active, service.queued]).toEqual([[1, 2, 3, 4, 5], 2, 0]);
    await answer(4);
    await answer(5);
    expect([service.active, service.queued]).toEqual([0, 0]);
    expect(host.answers.map(({ id, value }) => [id, value])).toEqual([2, 1, 3, 4, 5].map((id) => [id, `answer ${id}`]));
  });

  test('keeps the credit of a request until a handler takes it', async () => {
    const { host, answer } = desk(1);
    for (const id of [1, 2, 3]) host.ask(id);
    expect(host.credit).toBe(10);
    await answer(1);
    expect(host.credit).toBe(20);
    host.service.close();
    expect(host.credit).toBe(30);
  });

  test.each([
    ['fails', () => Promise.reject(new Error('no'))],
    ['cannot be sent', () => Promise.resolve(() => {})],
  ])('is free again after an answer that %s', async (_, handler) => {
    const host = serve(handler, { concurrency: 1 });
    for (const id of [1, 2]) host.ask(id);
    await turn();
    expect([host.answers.map(({ id, kind }) => [id, kind]), host.service.active]).toEqual([
      [
        [1, 'error'],
        [2, 'error'],
      ],
      0,
    ]);
  });

  test('lets any number that wait go one after the other, not one inside the other', async () => {
    let free = (): void => {};
    const host = serve(
      (id) =>
        id === 0 &&
        new Promise<void>((resolve) => {
          free = resolve;
        }),
      { concurrency: 1 },
    );
    for (let id = 0; id <= 10_000; id++) host.ask(id);
    expect(host.service.queued).toBe(10_000);
    free();
    await turn();
    expect([host.answers.length, host.answers.at(-1)?.id, host.failures]).toEqual([10_001, 10_000, []]);
    expect([host.service.active, host.service.queued]).toEqual([0, 0]);
  });
});

describe('a request given up', () => {
  const [link, other] = [{} as Link, {} as Link];

  test('fires the signal, frees its place, and is not answered', async () => {
    const { host, service, begun, signals, answer } = desk(1);
    host.ask(1, link);
    host.ask(2, link);
    expect([service.cancel(other, 1), service.cancel(link, 3), service.cancel(undefined, 1)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(service.cancel(link, 1)).toBe(true);
    expect([signals.get(1)?.aborted, signals.get(2)?.aborted, begun]).toEqual([true, false, [1, 2]]);
    await answer(1);
    await answer(2);
    expect(host.answers.map(({ id }) => id)).toEqual([2]);
  });

  test('while it waits never begins, and its credit goes back', async () => {
    const { host, service, begun, answer } = desk(1);
    for (const id of [1, 2, 3]) host.ask(id, link);
    expect([service.cancel(link, 2), service.queued, host.credit]).toEqual([true, 1, 20]);
    await answer(1);
    expect(begun).toEqual([1, 3]);
  });

  test('that fails afterwards is no failure of the handler', async () => {
    const host = serve((_, { signal }) => new Promise((_, no) => signal.addEventListener('abort', () => no('stop'))));
    host.ask(1, link);
    host.service.cancel(link, 1);
    await turn();
    expect([host.answers, host.failures, host.service.active]).toEqual([[], [], 0]);
  });

  test('shows in a signal that is asked for later', async () => {
    const seen: boolean[] = [];
    let goOn = (): void => {};
    const host = serve(async (_, context) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      seen.push(context.signal.aborted);
    });
    host.ask(1, link);
    host.service.cancel(link, 1);
    goOn();
    await turn();
    expect(seen).toEqual([true]);
  });

  test('with its link takes all of that link along, and none of another', async () => {
    const { host, service, signals } = desk(2);
    host.ask(1, link);
    host.ask(2, other);
    host.ask(3, link);
    host.ask(4, other);
    service.linkEnded(link);
    expect([1, 2, 4].map((id) => signals.get(id)?.aborted)).toEqual([true, false, false]);
    expect([host.credit, service.active, service.queued]).toEqual([40, 2, 0]);
  });

  test('with its link while it waits behind another’s never begins', () => {
    const { host, service, begun } = desk(1);
    host.ask(1, other);
    host.ask(2, link);
    host.ask(3, link);
    service.linkEnded(link);
    expect([begun, service.queued, host.credit]).toEqual([[1], 0, 30]);
  });

  test('with its link leaves its place to another’s, not to one of the same link', () => {
    const { host, service, begun } = desk(1);
    for (const id of [1, 2, 3]) host.ask(id, link);
    host.ask(4, other);
    service.linkEnded(link);
    expect([begun, service.active, service.queued, host.credit]).toEqual([[1, 4], 1, 0, 40]);
  });

  test('with its link takes a request along that has the number of another', () => {
    const { host, service, begun } = desk(1);
    for (const id of [1, 1, 1]) host.ask(id, link);
    service.linkEnded(link);
    expect([begun, service.active, service.queued, host.credit]).toEqual([[1], 0, 0, 30]);
  });
});

describe('an error', () => {
  const failure = async (handler: RequestHandler, options?: ServeOptions) => {
    const host = serve(handler, options);
    host.ask(1);
    await turn();
    expect(host.answers.map(({ id, kind }) => [id, kind])).toEqual([[1, 'error']]);
    expect([host.failures.length, host.service.active]).toEqual([1, 0]);
    return { said: host.answers[0].value as RemoteFailure, reported: host.failures[0] };
  };
  /** More than a message may hold. */
  const long = 'x'.repeat((1 << 20) + 1);
  const thrown = Object.assign(new RangeError('too far'), { code: 'E_FAR', data: { limit: 3 } });

  test.each<[string, RequestHandler]>([
    [
      'thrown',
      () => {
        throw thrown;
      },
    ],
    ['rejected', () => Promise.reject(thrown)],
  ])('%s is told with name, code, message and data, and reported here', async (_, handler) => {
    const { said, reported } = await failure(handler);
    expect(said).toEqual({ name: 'RangeError', code: 'E_FAR', message: 'too far', data: { limit: 3 } });
    expect(reported).toMatchObject({ code: 'HANDLER_FAILED', where: 'call work', cause: thrown });
  });

  test('whose code is no word, or that is no Error, is a REMOTE_ERROR', async () => {
    const words = await failure(() => Promise.reject('just words'));
    expect(words.said).toEqual({ name: 'Error', code: 'REMOTE_ERROR', message: 'just words' });
    const numbered = await failure(() => Promise.reject(Object.assign(new Error('no'), { code: 7 })));
    expect(numbered.said).toEqual({ name: 'Error', code: 'REMOTE_ERROR', message: 'no' });
  });

  test('of the bus says where, and is reported as it is', async () => {
    const own = new BusError('TOO_LARGE', 'a book', { where: 'shelf 3' });
    const { said, reported } = await failure(() => Promise.reject(own));
    expect(said).toEqual({ name: 'BusError', code: 'TOO_LARGE', message: 'a book', where: 'shelf 3' });
    expect(reported).toBe(own);
  });

  test('with data that cannot travel arrives without', async () => {
    const { said } = await failure(() => Promise.reject(Object.assign(new Error('bad'), { data: () => {} })));
    expect(said).toEqual({ name: 'Error', code: 'REMOTE_ERROR', message: 'bad' });
  });

  test('too long to travel arrives as its code', async () => {
    const { said } = await failure(() => Promise.reject(Object.assign(new Error(long), { code: 'E_LONG' })));
    expect(said).toEqual({ name: 'Error', code: 'E_LONG', message: 'what it says cannot be sent' });
  });

  test.each<[string, RequestHandler]>([
    ['rejected', () => Promise.reject(Object.assign(new Error(), { code: long }))],
    [
      'thrown',
      () => {
        throw Object.assign(new Error(), { code: long });
      },
    ],
  ])('of which nothing can travel, %s, arrives without words', async (_, handler) => {
    const { said } = await failure(handler);
    expect(said).toEqual(new Uint8Array(0));
  });

  test('that cannot even be read is told as such', async () => {
    const { said } = await failure(() => Promise.reject(Object.create(null)));
    expect(said).toEqual({ name: 'Error', code: 'REMOTE_ERROR', message: 'an error that cannot be read' });
  });

  test.each<[string, RequestHandler, ServeOptions]>([
    ['NOT_SERIALIZABLE', () => () => {}, {}],
    ['SCHEMA_MISMATCH', () => 'text', { output: z.number() }],
  ])('%s is what a wrong result becomes', async (code, handler, options) => {
    const { said, reported } = await failure(handler, options);
    expect([said.code, reported.code]).toEqual([code, code]);
  });

  test('SCHEMA_MISMATCH is what a wrong input becomes, before the handler sees it', async () => {
    let calls = 0;
    const { said } = await failure(() => calls++, { input: z.string() });
    expect(said).toMatchObject({ code: 'SCHEMA_MISMATCH', where: 'input of work' });
    expect(calls).toBe(0);
  });
});

test('input and output are what the schemas make of them', async () => {
  const input = z.number().transform((n) => n + 0.5);
  const output = z.number().transform((n) => `half ${n}`);
  const host = serve((value) => value, { input, output });
  host.ask(1);
  expect(host.answers).toEqual([{ id: 1, kind: 'reply', value: 'half 1.5' }]);
});

describe('close', () => {
  test('answers what waits with NO_RESPONDERS, once, and lets what runs answer', async () => {
    const { host, service, answer } = desk(1);
    for (const id of [1, 2, 3]) host.ask(id);
    service.close();
    service.close();
    expect([host.closed, service.queued, service.active]).toEqual([1, 0, 1]);
    await answer(1);
    expect(host.answers).toEqual([
      { id: 2, kind: 'error', value: expect.objectContaining({ code: 'NO_RESPONDERS' }) },
      { id: 3, kind: 'error', value: expect.objectContaining({ code: 'NO_RESPONDERS' }) },
      { id: 1, kind: 'reply', value: 'answer 1' },
    ]);
  });

  test('retires the service once, with its last handler', async () => {
    const idle = desk(1);
    idle.service.close();
    expect(idle.host.retirements).toBe(1);
    const busy = desk(2);
    for (const id of [1, 2]) busy.host.ask(id);
    busy.service.close();
    await busy.answer(1);
    expect(busy.host.retirements).toBe(0);
    await busy.answer(2);
    expect([idle.host.retirements, busy.host.retirements]).toEqual([1, 1]);
  });

  test('by a handler that waited, too', () => {
    const host = serve((id) => (id === 1 ? new Promise(() => {}) : host.service.close()), { concurrency: 1 });
    for (const id of [1, 2, 3]) host.ask(id);
    host.service.cancel(undefined, 1);
    expect(host.answers.map(({ id, kind }) => [id, kind])).toEqual([
      [3, 'error'],
      [2, 'reply'],
    ]);
    expect([host.retirements, host.service.active, host.service.queued]).toEqual([1, 0, 0]);
  });

  test('finish waits for what runs: answered or given up', async () => {
    const { host, service, answer } = desk(2);
    host.ask(1);
    host.ask(2);
    let finished = false;
    const finish = service.finish().then(() => {
      finished = true;
    });
    await answer(1);
    expect([host.closed, finished]).toEqual([1, false]);
    service.cancel(undefined, 2);
    await finish;
  });
});
