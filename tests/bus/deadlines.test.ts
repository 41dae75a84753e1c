import type { Message, RequestContext } from '@busbar/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { atEnd, expectBalanced, joined, open, Peer, refusal, scratch, until } from './harness.ts';

afterEach(() => vi.restoreAllMocks());

/** A peer that serves `hang`: handlers wait for their signal, and say why it fired. */
async function hanging(directory: string): Promise<Peer> {
  const peer = await Peer.open({ name: 'server', directory });
  await peer.run(async ({ bus, kept }) => {
    kept.begun = [];
    const handler = (input: unknown, { signal, deadline }: RequestContext) => {
      kept.begun.push(deadline);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          kept.fired = { input, code: signal.reason.code };
          kept.heard?.(kept.fired);
          resolve('stopped');
        });
      });
    };
    kept.nextAbort = () =>
      new Promise((resolve) => {
        kept.heard = resolve;
      });
    await bus.serve('hang', handler).ready;
  });
  return peer;
}

describe('over uds, between processes', () => {
  test('a deadline travels: the handler sees what is left of it', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await hanging(directory);
    const late = refusal(bus.request('hang', 1, { deadline: 500 }), 'DEADLINE_EXCEEDED');
    await until(() => peer.run(({ kept }) => kept.begun.length === 1));
    const [left] = await peer.run(({ kept }) => kept.begun as number[]);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(500);
    await late;
    await until(() => peer.run(({ kept }) => kept.fired !== undefined));
  });

  test('an asker that stands still cannot keep the handler past its deadline', async () => {
    const directory = scratch();
    const server = await open({ name: 'server', directory });
    const asker = await Peer.open({ name: 'asker', directory });
    const fired = new Promise<unknown>((resolve) => {
      server.serve('hang', (_, { signal }) => {
        asker.process.kill('SIGSTOP');
        signal.addEventListener('abort', () => resolve(signal.reason));
        return new Promise(() => {});
      });
    });
    const asked = asker.run(({ bus }) => bus.request('hang', 1, { deadline: 300 }).catch(() => {}));
    asked.catch(() => {});
    expect(await fired).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    asker.process.kill('SIGCONT');
    await asked;
  });

  test('an abort reaches the handler’s signal, with the reason', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await hanging(directory);
    const controller = new AbortController();
    const aborted = refusal(bus.request('hang', 'x', { signal: controller.signal }), 'ABORTED');
    await until(() => peer.run(({ kept }) => kept.begun.length === 1));
    const fired = peer.run(({ kept }) => kept.nextAbort() as Promise<unknown>);
    await peer.run(() => {});
    controller.abort();
    expect(await fired).toEqual({ input: 'x', code: 'ABORTED' });
    await aborted;
    expectBalanced(bus.counters);
  });

  test('an abort goes down through nested calls, over three processes', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const deep = await hanging(directory);
    const middle = await Peer.open({ name: 'middle', directory });
    await middle.run(async ({ bus }) => {
      const ask = (input: unknown, context: RequestContext) =>
        bus.request('hang', input, { within: context, deadline: 3_600_000 });
      await bus.serve('middle', ask).ready;
    });
    await joined(bus, 'middle');
    const controller = new AbortController();
    const options = { signal: controller.signal, deadline: 10_000 };
    const aborted = refusal(bus.request('middle', 'nested', options), 'ABORTED');
    await until(() => deep.run(({ kept }) => kept.begun.length === 1));
    const [left] = await deep.run(({ kept }) => kept.begun as number[]);
    expect(left).toBeLessThanOrEqual(10_000);
    controller.abort();
    await aborted;
    await until(() => deep.run(({ kept }) => kept.fired?.input === 'nested'));
  });

  test('progress is heard in order, before the answer, and keeps a request alive that asked so', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus }) => {
      const steps = async (count: unknown, { progress }: RequestContext) => {
        for (let i = 1; i <= (count as number); i++) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          progress(i);
        }
        return 'done';
      };
      await bus.serve('steps', steps).ready;
    });
    const heard: unknown[] = [];
    const onProgress = (value: unknown) => heard.push(value);
    // Ten steps of 100 ms, each in less than the deadline, all of them in more.
    const options = { deadline: 900, onProgress };
    expect(await bus.request('steps', 10, { ...options, extendOnProgress: true })).toBe('done');
    expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await refusal(bus.request('steps', 10, options), 'DEADLINE_EXCEEDED');
  });

  test('a message that waited too long behind a handler is counted and never delivered', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept }) => {
      kept.seen = [];
      const slow = ({ data }: Message) => {
        kept.seen.push(data);
        return new Promise<void>((resolve) => {
          kept.release = resolve;
        });
      };
      await bus.subscribe('t', slow).ready;
    });
    const receipts = [bus.publish('t', 'first'), bus.publish('t', 'stale', { ttl: 1 }), bus.publish('t', 'good')];
    const outcomes = (await Promise.allSettled(receipts)).map(({ status }) => status);
    expect([outcomes[0], outcomes[2]]).toEqual(['fulfilled', 'fulfilled']);
    await peer.run(async ({ kept }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      kept.release();
    });
    await until(() => peer.run(({ kept }) => kept.seen.length === 2));
    expect(await peer.run(({ kept }) => kept.seen as unknown[])).toEqual(['first', 'good']);
    const late = bus.counters.outcomes.expired + (await peer.run(({ bus }) => bus.counters.expired));
    expect(late).toBe(1);
    await peer.run(({ kept }) => kept.release());
    expectBalanced(bus.counters);
  });
});

describe('a wall clock that jumps by a day', () => {
  const DAY = 86_400_000;

  /** The wall clock of this process and of the peer is off by `ms` from here on. */
  async function jump(peer: Peer | undefined, ms: number): Promise<void> {
    const real = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => real() + ms);
    vi.spyOn(globalThis, 'Date').mockImplementation(
      class extends Date {
        constructor() {
          super(real() + ms);
        }
      } as never,
    );
    await peer?.run((_, ms) => {
      const { now } = Date;
      Date.now = () => now() + ms;
      const { timeOrigin } = performance;
      Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + ms });
    }, ms);
  }

  test.each([
    ['uds', DAY],
    ['uds', -DAY],
    ['memory', DAY],
  ])('over %s, by %i ms, changes no ttl, deadline or progress', async (transport, ms) => {
    const directory = scratch();
    const bus = await open({ directory, transports: [transport] });
    const seen = new Set<unknown>();
    bus.subscribe('back', ({ data }) => {
      seen.add(data);
    });
    const serve = async ({ bus, kept }: Pick<import('./harness.ts').PeerContext, 'bus' | 'kept'>) => {
      kept.left = [];
      await bus.serve('work', async (input, { deadline, progress }) => {
        kept.left.push(deadline);
        progress('on it');
        if (input === 'hang') await new Promise(() => {});
        await bus.publish('back', input, { ttl: 10_000 });
        return input;
      }).ready;
      await bus.subscribe('t', ({ data }) => bus.publish('back', data)).ready;
    };
    const kept: Record<string, number[]> = {};
    let peer: Peer | undefined;
    if (transport === 'memory') await serve({ bus: await open({ directory, transports: ['memory'] }), kept } as never);
    else {
      peer = await Peer.open({ directory });
      await peer.run(serve as never);
    }
    const running = refusal(bus.request('work', 'hang', { deadline: 400 }), 'DEADLINE_EXCEEDED');
    await jump(peer, ms);
    const heard: unknown[] = [];
    const onProgress = (value: unknown) => heard.push(value);
    expect(await bus.request('work', 'x', { deadline: 10_000, onProgress, extendOnProgress: true })).toBe('x');
    await bus.publish('t', 'y', { ttl: 10_000 });
    await until(() => seen.size === 2);
    await running;
    const left = peer === undefined ? kept.left : await peer.run(({ kept }) => kept.left as number[]);
    expect(left.every((ms) => ms > 0 && ms <= 10_000)).toBe(true);
    expect([heard, seen]).toEqual([['on it'], new Set(['x', 'y'])]);
    const theirs = peer === undefined ? 0 : await peer.run(({ bus }) => bus.counters.expired);
    expect([bus.counters.expired, bus.counters.outcomes.expired, theirs]).toEqual([0, 0, 0]);
  });
});

test('memory: one process, the same words', async () => {
  const directory = scratch();
  const [asker, server] = [
    await open({ directory, transports: ['memory'] }),
    await open({ directory, transports: ['memory'] }),
  ];
  const reasons: unknown[] = [];
  const service = server.serve('hang', (_, { signal }) => {
    signal.addEventListener('abort', () => reasons.push((signal.reason as { code: string }).code));
    return new Promise(() => {});
  });
  atEnd(() => service.close());
  await service.ready;
  const controller = new AbortController();
  const aborted = refusal(asker.request('hang', 1, { signal: controller.signal }), 'ABORTED');
  await until(() => service.active === 1);
  controller.abort();
  await aborted;
  await until(() => reasons.length === 1);
  await refusal(asker.request('hang', 1, { deadline: 50 }), 'DEADLINE_EXCEEDED');
  await until(() => service.active === 0);
  expect(reasons).toEqual(['ABORTED', 'DEADLINE_EXCEEDED']);
});
