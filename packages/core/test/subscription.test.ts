/* oxlint-disable unicorn/no-thenable -- thenables are what is tested */
import { describe, expect, test } from 'vitest';
import { type BusError, PRIORITIES } from '../src/contract/index.ts';
import { CreditHold } from '../src/credit.ts';
import type { Message } from '../src/message.ts';
import { ActiveSubscription, type MessageHandler } from '../src/subscription.ts';

const settled = () => new Promise(setImmediate);

/** A promise and what settles it. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A subscription, and the delivery side of the bus with one unit of credit a message. */
class Bench {
  readonly failures: BusError[] = [];
  unsubscribed = 0;
  outstanding = 0;
  now = 0;
  /** Of each message that was not taken: whether that is news. */
  readonly missed: boolean[] = [];
  readonly subscription: ActiveSubscription;

  constructor(handler?: MessageHandler<unknown>, concurrency?: number) {
    const host = {
      handlerFailed: (error: BusError) => this.failures.push(error),
      awaitContinuations: () => {},
      givenUp: () => {},
      unsubscribed: () => this.unsubscribed++,
      isExpired: (hold: CreditHold) =>
        hold.expiry !== 0 && hold.expiry <= this.now && this.missed.push(hold.miss()) > 0,
    };
    this.subscription = new ActiveSubscription(host, 'a.>', undefined, handler, concurrency);
  }

  deliver(data: unknown, flow = 0, priority = 2, expiry = 0): void {
    const message: Message = {
      topic: 'a.b',
      data,
      from: { id: '0'.repeat(16), name: 'peer', pid: 1, uid: undefined, verified: false },
      via: 'test',
      priority: PRIORITIES[priority],
      id: 1,
      headers: undefined,
      transitMicros: undefined,
      redelivered: false,
      ack() {},
      nack() {},
    };
    this.outstanding++;
    const hold = new CreditHold({ returned: () => this.outstanding-- }, 1, true, expiry);
    if (this.subscription.canTake(flow)) this.subscription.take(message, flow);
    else this.subscription.hold(message, priority, flow, hold);
    hold.release();
  }
}

describe('a handler, one message at a time per flow', () => {
  test('synchronous handlers run at once, in order', () => {
    const seen: unknown[] = [];
    const bench = new Bench(({ data }) => {
      seen.push(data);
    });
    for (let i = 0; i < 5; i++) bench.deliver(i);
    expect([seen, bench.outstanding, bench.subscription.queued]).toEqual([[0, 1, 2, 3, 4], 0, 0]);
  });

  test('a flow waits for its promise, other flows do not', async () => {
    const gates = new Map<string, ReturnType<typeof deferred>>();
    const seen: string[] = [];
    const bench = new Bench(({ data }) => {
      const gate = deferred();
      gates.set(data as string, gate);
      seen.push(data as string);
      return gate.promise;
    });
    for (const name of ['a1', 'a2', 'a3']) bench.deliver(name, 1);
    for (const name of ['b1', 'b2']) bench.deliver(name, 2);
    expect(seen).toEqual(['a1', 'b1']);
    expect([bench.subscription.queued, bench.outstanding]).toEqual([3, 3]);
    gates.get('b1')?.resolve();
    await settled();
    expect(seen).toEqual(['a1', 'b1', 'b2']);
    gates.get('a1')?.resolve();
    await settled();
    expect(seen).toEqual(['a1', 'b1', 'b2', 'a2']);
    expect([bench.subscription.queued, bench.outstanding]).toEqual([1, 1]);
    for (const name of ['a2', 'b2']) gates.get(name)?.resolve();
    await settled();
    expect(seen.at(-1)).toBe('a3');
    expect([bench.subscription.queued, bench.outstanding]).toEqual([0, 0]);
  });

  test('order holds through any mix of synchronous and asynchronous handlers', async () => {
    const seen: number[] = [];
    const gates: (() => void)[] = [];
    const bench = new Bench(({ data }) => {
      seen.push(data as number);
      return (data as number) % 3 === 0 ? undefined : new Promise<void>((resolve) => gates.push(resolve));
    });
    for (let i = 0; i < 60; i++) {
      bench.deliver(i);
      if (i % 4 === 3) {
        gates.shift()?.();
        await settled();
      }
    }
    for (let i = 0; i < 60; i++) {
      gates.shift()?.();
      await settled();
    }
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(bench.outstanding).toBe(0);
  });

  test('a handler that throws or rejects is reported, and the next message comes', async () => {
    const seen: unknown[] = [];
    const bench = new Bench(({ data }) => {
      seen.push(data);
      if (data === 0) throw new Error('thrown');
      return data === 1 ? Promise.reject(new Error('rejected')) : undefined;
    });
    for (let i = 0; i < 3; i++) bench.deliver(i);
    await settled();
    expect(seen).toEqual([0, 1, 2]);
    expect(bench.failures.map(({ code, message }) => [code, /thrown|rejected/.exec(message)?.[0]])).toEqual([
      ['HANDLER_FAILED', 'thrown'],
      ['HANDLER_FAILED', 'rejected'],
    ]);
    expect(bench.failures[0].where).toContain('a.>');
    expect(bench.outstanding).toBe(0);
  });

  test('what a handler throws may be anything', async () => {
    const values = ['text', undefined, null, 7, Symbol('s')];
    const bench = new Bench(({ data }) => {
      throw values[data as number];
    });
    for (let i = 0; i < values.length; i++) bench.deliver(i);
    expect(bench.failures.length).toBe(values.length);
  });

  test('a thenable is awaited, one whose `then` throws is a failure', async () => {
    let release: () => void = () => {};
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested
      then(resolve: () => void) {
        release = resolve;
      },
    };
    const hostile = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('hostile');
      },
    });
    const seen: unknown[] = [];
    const bench = new Bench(({ data }) => {
      seen.push(data);
      return [thenable, undefined, hostile][data as number];
    });
    bench.deliver(0);
    await settled();
    bench.deliver(1);
    expect(seen).toEqual([0]);
    release();
    await settled();
    expect(seen).toEqual([0, 1]);
    expect(() => bench.deliver(2)).not.toThrow();
    await settled();
    expect([seen, bench.outstanding]).toEqual([[0, 1, 2], 0]);
  });
});

describe('a handler with concurrency', () => {
  test('runs so many at once, the most urgent first, and returns credit as they start', async () => {
    const gates: (() => void)[] = [];
    const seen: unknown[] = [];
    const bench = new Bench(({ data }) => {
      seen.push(data);
      return new Promise<void>((resolve) => gates.push(resolve));
    }, 2);
    for (const [data, priority] of [
      ['n1', 2],
      ['n2', 2],
      ['batch', 4],
      ['n3', 2],
      ['critical', 0],
    ] as const)
      bench.deliver(data, 0, priority);
    expect([seen, bench.outstanding]).toEqual([['n1', 'n2'], 3]);
    for (let i = 0; i < 5; i++) {
      gates.shift()?.();
      await settled();
    }
    expect(seen).toEqual(['n1', 'n2', 'critical', 'n3', 'batch']);
    expect(bench.outstanding).toBe(0);
  });

  test('never more than so many', async () => {
    let running = 0;
    let most = 0;
    const bench = new Bench(async () => {
      most = Math.max(most, ++running);
      await settled();
      running--;
    }, 3);
    for (let i = 0; i < 30; i++) bench.deliver(i, i);
    while (bench.outstanding > 0 || running > 0) await settled();
    expect(most).toBe(3);
  });
});

describe('an iterator', () => {
  test('gets what came before and after it asked, the most urgent first', async () => {
    const bench = new Bench();
    bench.deliver('low', 0, 3);
    bench.deliver('high', 0, 1);
    const iterator = bench.subscription[Symbol.asyncIterator]();
    expect((await iterator.next()).value.data).toBe('high');
    expect(bench.outstanding).toBe(1);
    expect((await iterator.next()).value.data).toBe('low');
    const waiting = iterator.next();
    bench.deliver('later');
    expect((await waiting).value.data).toBe('later');
    expect(bench.outstanding).toBe(0);
  });

  test('asks several times at once and is answered in order', async () => {
    const bench = new Bench();
    const iterator = bench.subscription[Symbol.asyncIterator]();
    const answers = [iterator.next(), iterator.next()];
    bench.deliver(1);
    bench.deliver(2);
    bench.deliver(3);
    expect((await Promise.all(answers)).map(({ value }) => value.data)).toEqual([1, 2]);
    expect(bench.subscription.queued).toBe(1);
  });

  test('leaving the loop closes the subscription and gives the credit back', async () => {
    const bench = new Bench();
    for (let i = 0; i < 5; i++) bench.deliver(i);
    for await (const { data } of bench.subscription) if (data === 1) break;
    expect([bench.subscription.closed, bench.outstanding, bench.unsubscribed]).toEqual([true, 0, 1]);
  });

  test('ends when the subscription is closed', async () => {
    const bench = new Bench();
    const iterator = bench.subscription[Symbol.asyncIterator]();
    const waiting = iterator.next();
    bench.subscription.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('is refused beside a handler', () => {
    const bench = new Bench(() => {});
    expect(() => bench.subscription[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'MISUSE' }));
  });
});

describe('closing', () => {
  test.each([
    ['per flow', undefined],
    ['with concurrency', 1],
  ])('%s: gives up what waits, lets running handlers end, returns all credit', async (_, concurrency) => {
    const gate = deferred();
    const seen: unknown[] = [];
    const bench = new Bench(({ data }) => {
      seen.push(data);
      return gate.promise;
    }, concurrency);
    for (let i = 0; i < 4; i++) bench.deliver(i);
    bench.subscription.close();
    bench.subscription.close();
    expect([bench.subscription.queued, bench.outstanding, bench.unsubscribed]).toEqual([0, 0, 1]);
    gate.resolve();
    await settled();
    expect(seen).toEqual([0]);
  });

  test('from within a handler that works off a backlog returns all credit', async () => {
    const gate = deferred();
    const seen: unknown[] = [];
    const bench: Bench = new Bench(({ data }) => {
      seen.push(data);
      if (data === 0) return gate.promise;
      if (data === 1) bench.subscription.close();
      return undefined;
    });
    for (let i = 0; i < 5; i++) bench.deliver(i);
    gate.resolve();
    await settled();
    expect([seen, bench.outstanding, bench.subscription.queued]).toEqual([[0, 1], 0, 0]);
  });

  test('finish: takes nothing new, resolves when what is here is done', async () => {
    const gates: (() => void)[] = [];
    const bench = new Bench(() => new Promise<void>((resolve) => gates.push(resolve)));
    bench.deliver(0);
    bench.deliver(1);
    let finished = false;
    const done = bench.subscription.finish().then(() => {
      finished = true;
    });
    expect(bench.unsubscribed).toBe(1);
    gates.shift()?.();
    await settled();
    expect([finished, gates.length]).toEqual([false, 1]);
    gates.shift()?.();
    await done;
    expect(bench.outstanding).toBe(0);
  });

  test('finish: an iterator ends after what is queued', async () => {
    const bench = new Bench();
    bench.deliver(0);
    bench.deliver(1);
    await bench.subscription.finish();
    const read: unknown[] = [];
    for await (const { data } of bench.subscription) read.push(data);
    expect([read, bench.outstanding]).toEqual([[0, 1], 0]);
  });
});
