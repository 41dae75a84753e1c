import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type OpenedStream, OUTCOMES, stream } from '../../src/index.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';
import * as support from '../support/streams.ts';
import { counter } from '../support/streams.ts';

const WINDOW = 16_384;

let pair: Pair;
let red: Fabric;
/** Opens. */
let a: Participant;
/** Serves. */
let b: Participant;

beforeEach(async () => {
  red = new Fabric('red');
  pair = await Pair.create([red], { limits: { streamWindow: WINDOW } });
  ({ a, b } = pair);
});
afterEach(async () => {
  await pair.close();
  for (const { engine } of [a, b]) {
    const settled = OUTCOMES.reduce((sum, outcome) => sum + engine.counters.outcomes[outcome], 0);
    expect(settled).toBe(engine.counters.targets);
    expect(engine.openedStreams.pending).toBe(0);
  }
});

const readAll = <T>(opened: OpenedStream<T>) => support.readAll(opened, red);
const moving = <T>(promise: Promise<T>) => support.moving(promise, red);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe.each(['another', 'the own'])('a stream of %s bus', (which) => {
  const server = () => (which === 'another' ? b : a);

  test('gives every chunk in order, then the result', async () => {
    const log = counter(server());
    await turn();
    const opened = a.bus.open<number, number, number>('count', 2000);
    expect(await readAll(opened)).toEqual(upTo(2000));
    expect(await opened.result).toBe(2_001_000);
    expect([log.ended, log.aborted]).toEqual([1, 0]);
    expect(await opened.next()).toEqual({ done: true, value: undefined });
  });

  test('never has more than a window under way while nobody reads, and goes on when somebody does', async () => {
    const log = counter(server());
    await turn();
    const opened = a.bus.open<number, number, number>('count', 5000);
    for (let i = 0; i < 20; i++) await flow(red);
    const held = log.yielded;
    // 65 to 67 bytes a chunk with its overhead; one more is made and waits.
    expect(held).toBeGreaterThan(WINDOW / 70);
    expect(held).toBeLessThanOrEqual(WINDOW / 65 + 1);
    expect(await moving(opened.next())).toEqual({ done: false, value: 1 });
    await flow(red);
    // Less than a quarter is taken: nothing was reported.
    expect(log.yielded).toBe(held);
    expect(await readAll(opened)).toEqual(upTo(5000).slice(1));
  });

  test('lets a chunk larger than its window pass alone', async () => {
    const large = new Uint8Array(3 * WINDOW).fill(7);
    let made = 0;
    server().bus.serveStream('bulk', function* () {
      while (made < 3) {
        made++;
        yield large;
      }
    });
    await turn();
    const opened = a.bus.open<unknown, Uint8Array, undefined>('bulk', 0);
    for (let i = 0; i < 10; i++) await flow(red);
    expect(made).toBe(1);
    expect((await readAll(opened)).map(({ length }) => length)).toEqual([3 * WINDOW, 3 * WINDOW, 3 * WINDOW]);
  });

  test('is cancelled by leaving the loop: signal and finally', async () => {
    const log = counter(server());
    await turn();
    const opened = a.bus.open<number, number, number>('count', 1e9);
    await moving(
      (async () => {
        for await (const n of opened) if (n === 3) break;
      })(),
    );
    await flow(red);
    expect(log).toMatchObject({ ended: 1, aborted: 1 });
    await expect(opened.result).rejects.toMatchObject({ code: 'ABORTED', where: 'open count' });
    expect(await opened.next()).toEqual({ done: true, value: undefined });
    expect([a.engine.openedStreams.pending, b.engine.openedStreams.pending]).toEqual([0, 0]);
  });

  test('is cancelled by return() while a next() waits, which ends without an error', async () => {
    let signal: AbortSignal | undefined;
    server().bus.serveStream('silent', async function* (_, context) {
      signal = context.signal;
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      yield 1;
    });
    await turn();
    const opened = a.bus.open('silent', 0);
    const waiting = opened.next();
    await flow(red);
    expect(await opened.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    await flow(red);
    expect(signal?.aborted).toBe(true);
  });

  test('is cancelled by its signal: the iterator throws ABORTED with the reason, and nothing listens any more', async () => {
    const log = counter(server());
    await turn();
    const controller = new AbortController();
    const opened = a.bus.open<number, number, number>('count', 1e9, { signal: controller.signal });
    expect(await moving(opened.next())).toEqual({ done: false, value: 1 });
    controller.abort('enough');
    await expect(opened.next()).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
    expect(await opened.next()).toEqual({ done: true, value: undefined });
    await flow(red);
    expect(log).toMatchObject({ ended: 1, aborted: 1 });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('carries what the generator throws like a failed call, after the chunks before it', async () => {
    server().bus.serveStream('fail', async function* () {
      yield 1;
      yield 2;
      throw Object.assign(new TypeError('no more paper'), { code: 'PAPER', data: { tray: 2 } });
    });
    await turn();
    const opened = a.bus.open('fail', 0);
    const chunks: unknown[] = [];
    const failed = (async () => {
      for await (const chunk of opened) chunks.push(chunk);
    })();
    const wanted = { code: 'REMOTE_ERROR', data: { name: 'TypeError', code: 'PAPER', data: { tray: 2 } } };
    await expect(moving(failed)).rejects.toMatchObject(wanted);
    await expect(opened.result).rejects.toMatchObject(wanted);
    expect(chunks).toEqual([1, 2]);
    expect(server().engine.counters.handlerErrors).toBe(1);
    expect(server().errors).toEqual([expect.stringContaining('no more paper')]);
  });

  test('held up by its reader lets the event loop go on', async () => {
    counter(server());
    await turn();
    const opened = a.bus.open<number, number, number>('count', 1e9);
    let turns = 0;
    const look = setInterval(() => turns++, 1);
    await moving(
      (async () => {
        for await (const _ of opened) if (turns >= 3) break;
      })(),
    );
    clearInterval(look);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  test('is validated at both sides', async () => {
    const Numbers = stream('numbers', { input: z.object({ to: z.number() }), chunk: z.number(), result: z.string() });
    server().bus.serveStream(Numbers, function* ({ to }) {
      for (let n = 0; n < to; n++) yield n === 2 ? ('two' as unknown as number) : n;
      return to === 1 ? (1 as unknown as string) : 'done';
    });
    await turn();
    expect(() => a.bus.open(Numbers, { to: 'x' as unknown as number })).toThrow(
      expect.objectContaining({ code: 'SCHEMA_MISMATCH' }),
    );
    await expect(readAll(a.bus.open(Numbers, { to: 3 }))).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    const wrongResult = a.bus.open(Numbers, { to: 1 });
    await expect(readAll(wrongResult)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    // By name the handler's schemas apply; by contract the opener's, too.
    const Strings = stream('count', { input: z.number(), chunk: z.string() });
    const log = counter(server());
    await turn();
    await expect(readAll(a.bus.open(Strings, 100_000))).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    await flow(red);
    expect(log).toMatchObject({ ended: 1, aborted: 1 });
    expect(a.engine.counters.invalid).toBe(1);
  });

  test('opened at a call, or asked of as one, is told so', async () => {
    server().bus.serve('call', () => 1);
    counter(server());
    await turn();
    await expect(readAll(a.bus.open('call', 0))).rejects.toMatchObject({
      code: 'MISUSE',
      message: expect.stringContaining('call is served as a call: ask with bus.request'),
    });
    await expect(moving(a.bus.request('count', 3))).rejects.toMatchObject({
      code: 'MISUSE',
      message: expect.stringContaining('count is served as a stream: ask with bus.open'),
    });
  });

  test('goes at most `concurrency` at a time; the deadline is for the taking alone', async () => {
    const log = counter(server(), 'count', { concurrency: 1 });
    await turn();
    const first = a.bus.open<number, number, number>('count', 1e9);
    await flow(red);
    const second = a.bus.open<number, number, number>('count', 2, { deadline: 100 });
    const late = a.bus.open<number, number, number>('count', 2, { deadline: 200 });
    await flow(red);
    await pair.clock.advance(101);
    await expect(second.next()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', remedy: expect.any(String) });
    await first.return();
    expect(await readAll(late)).toEqual([1, 2]);
    expect(log.ended).toBe(2);
    // Taken, and silent ever after: no deadline.
    server().bus.serveStream('silent', async function* (_, { signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield 1;
    });
    await turn();
    const silent = a.bus.open('silent', 0, { deadline: 10 });
    const waiting = silent.next();
    await flow(red);
    await pair.clock.advance(100_000);
    await flow(red);
    expect(a.engine.openedStreams.pending).toBe(1);
    await silent.return();
    expect(await waiting).toMatchObject({ done: true });
  });

  test('carries headers and who opened it, without the bus’s own', async () => {
    server().bus.serveStream('who', function* (_, { from, headers }) {
      yield [from.name, headers === undefined ? undefined : { ...headers }];
    });
    await turn();
    expect(await readAll(a.bus.open('who', 0, { headers: { tag: 'x' } }))).toEqual([['a', { tag: 'x' }]]);
    const plain = (await readAll(a.bus.open<unknown, unknown[], unknown>('who', 0)))[0];
    expect(plain[1] ?? undefined).toBeUndefined();
  });
});

test('open streams hold the process together, and let go with the last', async () => {
  counter(b);
  await turn();
  const holds = vi.spyOn(a.engine, 'holdProcess');
  const releases = vi.spyOn(a.engine, 'releaseProcess');
  const first = a.bus.open<number, number, number>('count', 10);
  const second = a.bus.open<number, number, number>('count', 1e9);
  expect(await readAll(first)).toEqual(upTo(10));
  expect([holds.mock.calls.length, releases.mock.calls.length]).toEqual([1, 0]);
  await second.return();
  expect([holds.mock.calls.length, releases.mock.calls.length]).toEqual([1, 1]);
});

describe('refused at once', () => {
  test('without anybody who serves it', () => {
    expect(() => a.bus.open('nothing', 0)).toThrow(expect.objectContaining({ code: 'NO_RESPONDERS' }));
    expect([a.engine.openedStreams.pending, a.engine.counters.targets]).toEqual([0, 0]);
  });

  test('by the wrong contract, a bad option, a reserved header, a used signal, or a name taken', async () => {
    counter(b);
    await turn();
    const Count = stream('count');
    const refused = (what: () => unknown, code: string) => expect(what).toThrow(expect.objectContaining({ code }));
    await expect(a.bus.request(Count as never, 0)).rejects.toMatchObject({ code: 'MISUSE' });
    refused(() => a.bus.serve(Count as never, () => 0), 'MISUSE');
    refused(() => a.bus.open('count', 0, { deadline: -1 }), 'INVALID_OPTION');
    refused(() => a.bus.open('count', 0, { headers: { 'busbar-x': 'y' } }), 'INVALID_OPTION');
    refused(() => a.bus.open('count', 0, { signal: AbortSignal.abort() }), 'ABORTED');
    refused(() => a.bus.open('a..b', 0), 'INVALID_TOPIC');
    refused(() => b.bus.serve('count', () => 0), 'NAME_TAKEN');
    refused(() => b.bus.serveStream('other', () => [], { concurrency: 0 }), 'INVALID_OPTION');
    refused(() => stream('x', { input: {} as never, chunk: z.string() }), 'INVALID_OPTION');
  });
});

describe('when a bus closes', () => {
  test('the opening one, its streams end as CLOSED and the generators are returned', async () => {
    const log = counter(b);
    await turn();
    const opened = a.bus.open<number, number, number>('count', 1e9);
    await flow(red);
    const closing = a.bus.close({ timeout: 1 });
    await pair.clock.advance(10);
    await flow(red);
    await pair.clock.advance(10);
    await closing;
    await expect(opened.next()).rejects.toMatchObject({ code: 'CLOSED' });
    await flow(red);
    expect(log).toMatchObject({ ended: 1, aborted: 1 });
  });

  test('the serving one, it waits for what runs, then the openers hear PEER_GONE', async () => {
    const log = counter(b);
    await turn();
    const short = a.bus.open<number, number, number>('count', 1000);
    const long = a.bus.open<number, number, number>('count', 1e9);
    await flow(red);
    const closing = b.bus.close({ timeout: 1000 });
    expect(await readAll(short)).toEqual(upTo(1000));
    expect(log).toMatchObject({ ended: 1, aborted: 0 });
    await pair.clock.advance(2000);
    await closing;
    await turn();
    expect(log).toMatchObject({ ended: 2, aborted: 1 });
    const failed = (async () => {
      for await (const _ of long);
    })();
    await expect(moving(failed)).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'unknown' });
  });
});
