import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OpenedStream } from '../../src/index.ts';
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
afterEach(() => pair.close());

const readAll = <T>(opened: OpenedStream<T>) => support.readAll(opened, red);
const moving = <T>(promise: Promise<T>) => support.moving(promise, red);

describe('a handler may return', () => {
  const sources: [string, () => unknown][] = [
    [
      'a generator',
      () =>
        (function* () {
          yield* [1, 2, 3];
        })(),
    ],
    ['an array', () => [1, 2, 3]],
    ['an array of promises', () => [1, 2, 3].map((n) => Promise.resolve(n))],
    ['a promise of an iterable', () => Promise.resolve([1, 2, 3])],
    ['a ReadableStream', () => ReadableStream.from([1, 2, 3])],
    ['a Readable', () => Readable.from([1, 2, 3])],
  ];
  test.each(sources)('%s', async (_, make) => {
    b.bus.serveStream('x', make as () => Iterable<number>);
    await turn();
    expect(await readAll(a.bus.open('x', 0))).toEqual([1, 2, 3]);
  });

  test.each([
    ['a number', 5],
    ['nothing', undefined],
    ['a string', 'abc'],
  ])('but not %s', async (_, value) => {
    b.bus.serveStream('x', (() => value) as unknown as () => Iterable<number>);
    await turn();
    await expect(readAll(a.bus.open('x', 0))).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  });

  test.each([
    ['ReadableStream', (cancelled: () => void) => new ReadableStream({ cancel: cancelled })],
    [
      'Readable',
      (cancelled: () => void) =>
        new Readable({
          read() {},
          destroy(_, done) {
            cancelled();
            done(null);
          },
        }),
    ],
  ])('a %s that has nothing to give, and is cancelled nevertheless', async (_, make) => {
    let cancelled = 0;
    b.bus.serveStream('x', () => make(() => cancelled++) as AsyncIterable<unknown>);
    await turn();
    const opened = a.bus.open('x', 0);
    void opened.next();
    await flow(red);
    expect(cancelled).toBe(0);
    await opened.return();
    await flow(red);
    expect(cancelled).toBe(1);
  });
});

describe('an opened stream becomes', () => {
  test.each([
    [
      'a ReadableStream',
      async (opened: OpenedStream<number>) => {
        const reader = ReadableStream.from(opened).getReader();
        const first = await reader.read();
        return { first: first.value, stop: () => reader.cancel() };
      },
    ],
    [
      'a Readable',
      async (opened: OpenedStream<number>) => {
        const readable = Readable.from(opened);
        const first = await readable.iterator({ destroyOnReturn: false }).next();
        return { first: first.value as number, stop: async () => void readable.destroy() };
      },
    ],
  ])('%s with back-pressure, and cancelling that cancels this', async (_, make) => {
    const log = counter(b);
    await turn();
    const { first, stop } = await moving(make(a.bus.open<number, number, number>('count', 1e9)));
    expect(first).toBe(1);
    for (let i = 0; i < 10; i++) await flow(red);
    expect(log.yielded).toBeLessThan(WINDOW / 65 + 100);
    await stop();
    await flow(red);
    expect(log).toMatchObject({ ended: 1, aborted: 1 });
  });
});
