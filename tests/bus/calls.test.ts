import type { RequestContext } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { errorsOf, expectBalanced, open, Peer, refusal, scratch, until } from './harness.ts';

/** A peer that serves `hang`: handlers wait, and tell when they begin and when their signal fires. */
async function hanging(directory: string, name = 'server'): Promise<Peer> {
  const peer = await Peer.open({ name, directory });
  await peer.run(async ({ bus, kept }) => {
    kept.begun = [];
    kept.aborted = [];
    kept.release = [];
    kept.releaseAll = () => {
      for (const release of kept.release.splice(0)) release();
    };
    const service = bus.serve('hang', (input, { signal }) => {
      kept.begun.push(input);
      signal.addEventListener('abort', () => kept.aborted.push(input));
      return new Promise((resolve) => kept.release.push(() => resolve(`${bus.self.name} ${String(input)}`)));
    });
    await service.ready;
  });
  return peer;
}

describe('requests over uds', () => {
  test('an answer comes back, synchronous or not, with the asker known', async () => {
    const directory = scratch();
    const bus = await open({ name: 'asker', directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus }) => {
      const handler = ({ a, b }: { a: number; b: number }, { from, headers }: RequestContext) => ({
        sum: a + b,
        from: from.name,
        tag: headers?.tag,
      });
      await bus.serve('add', handler).ready;
      await bus.serve('add.later', async (input: { a: number; b: number }, context: RequestContext) =>
        handler(input, context),
      ).ready;
    });
    const answer = { sum: 3, from: 'asker', tag: 'x' };
    expect(await bus.request('add', { a: 1, b: 2 }, { headers: { tag: 'x' } })).toEqual(answer);
    expect(await bus.request('add.later', { a: 1, b: 2 }, { headers: { tag: 'x' } })).toEqual(answer);
    expectBalanced(bus.counters);
  });

  test('5,000 at once, both ways, each gets its own answer', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    bus.serve('double', (n) => (n as number) * 2);
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus }) => {
      await bus.serve('triple', async (n) => (n as number) * 3).ready;
    });
    const numbers = Array.from({ length: 5000 }, (_, n) => n);
    const theirs = peer.run(
      ({ bus }, numbers) => Promise.all(numbers.map((n) => bus.request<number, number>('double', n))),
      numbers,
    );
    const ours = Promise.all(numbers.map((n) => bus.request<number, number>('triple', n)));
    expect(await ours).toEqual(numbers.map((n) => n * 3));
    expect(await theirs).toEqual(numbers.map((n) => n * 2));
    expectBalanced(bus.counters);
  });

  test('NO_RESPONDERS at once, also when the last server has closed', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const error = await refusal(bus.request('nobody', 1, { deadline: 3_600_000 }), 'NO_RESPONDERS');
    expect(error.where).toContain('nobody');
    expect(error.remedy).toBeTruthy();
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept }) => {
      kept.service = bus.serve('shop', () => 'open');
      await kept.service.ready;
    });
    expect(await bus.request('shop', 1)).toBe('open');
    await peer.run(({ kept }) => kept.service.close());
    // The news may still be on its way: then the server itself says so. Never a wait for the deadline.
    await refusal(bus.request('shop', 1, { deadline: 3_600_000 }), 'NO_RESPONDERS');
  });

  test('several servers share a call: the one with the fewest outstanding comes first', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peers: Peer[] = [];
    for (const name of ['s0', 's1', 's2']) peers.push(await hanging(directory, name));
    const begun = () => Promise.all(peers.map((peer) => peer.run(({ kept }) => kept.begun.length as number)));
    const answers: Promise<unknown>[] = [];
    let answered = 0;
    const ask = (count: number) => {
      for (let i = 0; i < count; i++) {
        const answer = bus.request('hang', answers.length);
        answers.push(answer);
        void answer.then(() => answered++);
      }
    };
    ask(6);
    await until(async () => (await begun()).reduce((a, b) => a + b) === 6);
    expect(await begun()).toEqual([2, 2, 2]);
    // s1 becomes free: the next two are its.
    await peers[1]?.run(({ kept }) => kept.releaseAll());
    await until(() => answered === 2);
    ask(2);
    await until(async () => (await begun()).reduce((a, b) => a + b) === 8);
    expect(await begun()).toEqual([2, 4, 2]);
    for (const peer of peers) await peer.run(({ kept }) => kept.releaseAll());
    expect(new Set(await Promise.all(answers)).size).toBe(8);
  });

  test('PEER_GONE says unknown for what the server has, not-sent for what never left', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await hanging(directory);
    const asked = bus.request('hang', 1, { deadline: 3_600_000 });
    await peer.run(
      ({ kept }) =>
        new Promise<void>((resolve) => {
          const look = () => (kept.begun.length > 0 ? resolve() : setTimeout(look, 1));
          look();
        }),
    );
    const gone = refusal(asked, 'PEER_GONE');
    await peer.kill();
    expect((await gone).outcome).toBe('unknown');

    // A stopped peer never takes the first connection up, so nothing can have left.
    const stopped = await hanging(directory);
    await bus.request('hang', 0, { deadline: 1 }).catch(() => {});
    const fresh = await open({ directory });
    stopped.process.kill('SIGSTOP');
    const unsent = refusal(fresh.request('hang', 2, { deadline: 3_600_000 }), 'PEER_GONE');
    await stopped.kill();
    const error = await unsent;
    expect(error.outcome).toBe('not-sent');
    expect(error.remedy).toBeTruthy();
    expectBalanced(bus.counters);
    expectBalanced(fresh.counters);
  });

  test('DEADLINE_EXCEEDED aborts the handler at the other side, and a late answer is nobody’s', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await hanging(directory);
    const error = await refusal(bus.request('hang', 'x', { deadline: 100 }), 'DEADLINE_EXCEEDED');
    expect(error.where).toContain('hang');
    expect(error.remedy).toBeTruthy();
    await until(() => peer.run(({ kept }) => kept.aborted.length === 1));
    await peer.run(({ kept }) => kept.release[0]());
    const [later] = [bus.request('hang', 'y')];
    await until(() => peer.run(({ kept }) => kept.release.length === 2));
    await peer.run(({ kept }) => kept.release[1]());
    expect(await later).toBe('server y');
    expectBalanced(bus.counters);
  });

  test('an abort settles at once and fires the handler’s signal; one before the call is ABORTED too', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await hanging(directory);
    const controller = new AbortController();
    const asked = refusal(bus.request('hang', 1, { signal: controller.signal }), 'ABORTED');
    await until(() => peer.run(({ kept }) => kept.begun.length === 1));
    controller.abort(new Error('changed my mind'));
    expect((await asked).cause).toMatchObject({ message: 'changed my mind' });
    await until(() => peer.run(({ kept }) => kept.aborted.length === 1));
    await refusal(bus.request('hang', 2, { signal: controller.signal }), 'ABORTED');
    await refusal(bus.publish('t', 2, { signal: controller.signal }), 'ABORTED');
  });

  test('the asker’s death fires the handler’s signal and frees its place', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    let aborted = false;
    bus.serve(
      'one.at.a.time',
      (_, { signal }) =>
        new Promise(() =>
          signal.addEventListener('abort', () => {
            aborted = true;
          }),
        ),
      { concurrency: 1 },
    );
    const peer = await Peer.open({ directory });
    await peer.run(({ bus }) => {
      for (let i = 0; i < 3; i++) bus.request('one.at.a.time', i).catch(() => {});
    });
    await until(() => bus.counters.received === 3);
    await peer.kill();
    await until(() => aborted);
  });

  test('the own bus serves like any other: answer, deadline, signal', async () => {
    const bus = await open({ directory: scratch() });
    const signals: AbortSignal[] = [];
    bus.serve('self', (input, { signal }) => {
      signals.push(signal);
      return input === 'now' ? 'here' : new Promise(() => {});
    });
    expect(await bus.request('self', 'now')).toBe('here');
    await refusal(bus.request('self', 'never', { deadline: 20 }), 'DEADLINE_EXCEEDED');
    await until(() => signals[1]?.aborted === true);
    expectBalanced(bus.counters);
  });

  test('a remote error carries name, code, message and data; the server counts it and goes on', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus }) => {
      await bus.serve('fail', (how) => {
        if (how === 'string') throw 'just words';
        if (how === 'function') throw Object.assign(new Error('bad'), { data: () => {} });
        if (how === 'unsendable') return () => {};
        if (how === 'fine') return 'fine';
        throw Object.assign(new RangeError('too far'), { code: 'E_FAR', data: { limit: 3 } });
      }).ready;
    });
    const far = await refusal(bus.request('fail', ''), 'REMOTE_ERROR');
    expect(far.message).toContain('too far');
    expect(far.where).toContain('fail');
    expect(far.data).toEqual({ name: 'RangeError', code: 'E_FAR', data: { limit: 3 } });
    expect((await refusal(bus.request('fail', 'string'), 'REMOTE_ERROR')).message).toContain('just words');
    expect((await refusal(bus.request('fail', 'function'), 'REMOTE_ERROR')).message).toContain('bad');
    await refusal(bus.request('fail', 'unsendable'), 'NOT_SERIALIZABLE');
    expect(await bus.request('fail', 'fine')).toBe('fine');
    expect(await peer.run(({ bus }) => bus.counters.handlerErrors)).toBe(4);
    expectBalanced(bus.counters);
  });

  test('concurrency bounds the handlers; the rest wait in order', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept }) => {
      kept.running = 0;
      kept.most = 0;
      await bus.serve(
        'slow',
        async (n) => {
          kept.most = Math.max(kept.most, ++kept.running);
          await new Promise((resolve) => setTimeout(resolve, 1));
          kept.running--;
          return n;
        },
        { concurrency: 3 },
      ).ready;
    });
    const order: unknown[] = [];
    const all = Array.from({ length: 50 }, async (_, n) => order.push(await bus.request('slow', n)));
    await Promise.all(all);
    expect(order).toHaveLength(50);
    expect(await peer.run(({ kept }) => kept.most)).toBe(3);
  });

  test('an awaitable that is no Promise is awaited', async () => {
    const bus = await open({ directory: scratch() });
    const rows: PromiseLike<string> = {
      // biome-ignore lint/suspicious/noThenProperty: query builders are such objects
      then: (resolved) => Promise.resolve('rows').then(resolved), // oxlint-disable-line unicorn/no-thenable
    };
    bus.serve('query', () => rows as Promise<string>);
    expect(await bus.request('query', 1)).toBe('rows');
  });

  test('serving a call twice in one bus is refused, in two it is sharing', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const errors = errorsOf(bus);
    const service = bus.serve('call', () => 1);
    await refusal(() => bus.serve('call', () => 2), 'NAME_TAKEN');
    service.close();
    bus.serve('call', () => 3);
    expect(await bus.request('call', 0)).toBe(3);
    expect(errors).toEqual([]);
  });

  test('no deadline that is no time: a typed refusal, never a promise that hangs', async () => {
    const bus = await open({ directory: scratch() });
    bus.serve('hang', () => new Promise(() => {}));
    for (const deadline of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 'soon' as unknown as number]) {
      await refusal(bus.request('hang', 1, { deadline }), 'INVALID_OPTION');
      await refusal(bus.publish('t', 1, { deadline }), 'INVALID_OPTION');
    }
  });
});
