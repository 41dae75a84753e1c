import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, type Participant, turn } from '../support/pair.ts';

let pair: Pair;
let red: Fabric;
let a: Participant;
let b: Participant;

beforeEach(async () => {
  red = new Fabric('red', { maxMessageLength: 4096 });
  pair = await Pair.create([red]);
  ({ a, b } = pair);
});
afterEach(() => pair.close());

/** Reads everything of stream `x`, or what it throws. */
async function read(): Promise<unknown[] | Error> {
  let outcome: unknown[] | Error | undefined;
  const reading = (async () => {
    const chunks: unknown[] = [];
    for await (const chunk of a.bus.open('x', 0)) chunks.push(chunk);
    return chunks;
  })();
  reading.then(
    (chunks) => {
      outcome = chunks;
    },
    (error: Error) => {
      outcome = error;
    },
  );
  while (outcome === undefined) await flow(red);
  return outcome;
}

/** Accounts of `x` that streams keep open, towards a and the own bus, and streams that are produced. */
function kept(): number[] {
  const hash = b.engine.interest.entry('x').hash;
  return [pair.link(b).outbound.topic('x', hash).pins, b.engine.productions.size];
}

describe('a chunk that cannot be sent', () => {
  test('ends the stream as NO_ROUTE, and its generator', async () => {
    let ended = 0;
    b.bus.serveStream('x', async function* () {
      try {
        yield 'small';
        yield new Uint8Array(5000);
        yield 'never';
      } finally {
        ended++;
      }
    });
    await turn();
    expect(await read()).toMatchObject({ code: 'NO_ROUTE', where: expect.stringContaining('at b') });
    expect([ended, ...kept()]).toEqual([1, 0, 0]);
    expect(b.engine.counters.outcomes.refused).toBe(1);
  });

  test('for its type ends it as NOT_SERIALIZABLE', async () => {
    let ended = 0;
    b.bus.serveStream('x', async function* () {
      try {
        yield () => 1;
      } finally {
        ended++;
      }
    });
    await turn();
    expect(await read()).toMatchObject({ code: 'NOT_SERIALIZABLE' });
    expect(ended).toBe(1);
  });
});

test('a result that cannot be sent ends it, too', async () => {
  b.bus.serveStream('x', function* () {
    yield 1;
    return () => 1;
  });
  await turn();
  expect(await read()).toMatchObject({ code: 'NOT_SERIALIZABLE' });
  expect(kept()).toEqual([0, 0]);
});

test('what a source throws, or rejects with, when it is told to stop is told to its own bus', async () => {
  let n = 0;
  const source = (stop: () => never | Promise<never>) => ({
    [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: n++ }), return: stop }),
  });
  const stops = [
    () => {
      throw new Error('cannot clean up');
    },
    () => Promise.reject(new Error('cannot clean up later')),
  ];
  b.bus.serveStream('x', () => source(stops.shift() as () => never));
  await turn();
  for (let i = 0; i < 2; i++) {
    const opened = a.bus.open('x', 0);
    await flow(red);
    await opened.return();
    await flow(red);
  }
  expect(b.errors).toEqual([
    expect.stringContaining('HANDLER_FAILED: cannot clean up'),
    expect.stringContaining('cannot clean up later'),
  ]);
  expect(kept()).toEqual([0, 0]);
});

test('a sync generator that cancels its own stream is ended at its next yield', async () => {
  let opened: AsyncIterator<unknown> | undefined;
  let ended = 0;
  a.bus.serveStream('own', function* () {
    try {
      for (let n = 0; ; n++) {
        if (n === 3) void opened?.return?.();
        yield n;
      }
    } finally {
      ended++;
    }
  });
  opened = a.bus.open('own', 0);
  await turn();
  expect(ended).toBe(1);
  expect(a.errors).toEqual([]);
});

test('a generator that ignores its end frees its place all the same', async () => {
  let begun = 0;
  const service = b.bus.serveStream(
    'x',
    async function* () {
      begun++;
      yield 1;
      await new Promise(() => {});
    },
    { concurrency: 1 },
  );
  await turn();
  const first = a.bus.open('x', 0);
  const second = a.bus.open('x', 0);
  await flow(red);
  expect([begun, service.active, service.queued, ...kept()]).toEqual([1, 1, 1, 1, 1]);
  await first.return();
  await flow(red);
  expect([begun, service.active, service.queued]).toEqual([2, 1, 0]);
  await second.return();
  await flow(red);
  expect([service.active, ...kept()]).toEqual([0, 0, 0]);
});

test('reports of credit for streams that have ended change nothing', async () => {
  b.bus.serveStream('x', () => [1, 2, 3]);
  await turn();
  expect(await read()).toEqual([1, 2, 3]);
  b.engine.streamCredited(pair.link(b), 1, 100);
  expect([...pair.a.errors, ...pair.b.errors]).toEqual([]);
});
