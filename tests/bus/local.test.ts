import { BACK_PRESSURED, createBus, json, msgpack, OK } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { errorsOf, expectBalanced, fill, next, open, scratch, until } from './harness.ts';
import { record } from './recorder.mjs';

describe('local delivery', () => {
  test('local subscribers get what remote ones get: a copy through the codec, after the publishing turn', async () => {
    const bus = await open({ directory: scratch() });
    const heard = record(bus, 't');
    const value = { list: [1, 2], map: new Map([['k', 1]]) };
    const published = bus.publish('t', value);
    expect(heard.messages).toEqual([]);
    const { deliveries } = await published;
    expect(deliveries).toEqual([{ peer: bus.self.id, peerName: bus.self.name, via: 'local', outcome: 'delivered' }]);
    expect(heard.data).toEqual([{ list: [1, 2], map: { k: 1 } }]);
    expect(heard.data[0]).not.toBe(value);
  });

  test('each of two subscriptions has a value of its own', async () => {
    const bus = await open({ directory: scratch() });
    const [one, two] = [record(bus, 't'), record(bus, '>')];
    await bus.publish('t', { list: [1] });
    one.data[0].list.push(2);
    expect(two.data).toEqual([{ list: [1] }]);
  });

  test('bytes are taken when published: the caller may reuse its buffer', async () => {
    const bus = await open({ directory: scratch() });
    const heard = record(bus, 't');
    for (const size of [8, 100_000]) {
      const bytes = new Uint8Array(size).fill(1);
      const published = bus.publish('t', bytes);
      bytes.fill(2);
      await published;
    }
    for (const data of heard.data) expect(new Set(data)).toEqual(new Set([1]));
  });

  test("'reference' hands over the object itself, to own subscribers only", async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ directory });
    const [here, there] = [record(bus, 't'), record(other, 't')];
    await there.subscription.ready;
    const value = { n: 1 };
    const publisher = bus.publisher('t', { local: 'reference' });
    expect(publisher.send(value)).toBe(OK);
    expect(await publisher.flush()).toEqual({ delivered: 2, failed: [] });
    expect(here.data[0]).toBe(value);
    expect(there.data).toEqual([{ n: 1 }]);
    expect(there.data[0]).not.toBe(value);
  });

  test('order holds, whatever the pace of the handler, and back-pressure reaches the publisher', async () => {
    const bus = await open({ directory: scratch() });
    const got: number[] = [];
    bus.subscribe<{ n: number }>('t', async ({ data }) => {
      await Promise.resolve();
      got.push(data.n);
    });
    const publisher = bus.publisher('t');
    const pad = 'x'.repeat(1000);
    let pressed = 0;
    for (let n = 0; n < 2000; ) {
      if (publisher.send({ n, pad }) === OK) n++;
      else {
        pressed++;
        await publisher.writable();
      }
    }
    expect(await publisher.flush()).toEqual({ delivered: 2000, failed: [] });
    await until(() => got.length === 2000);
    expect(got).toEqual(Array.from({ length: 2000 }, (_, n) => n));
    expect(pressed).toBeGreaterThan(0);
    expectBalanced(bus.counters);
  });

  test('a subscription that takes nothing stops its own publisher and nobody else', async () => {
    const bus = await open({ directory: scratch() });
    const stuck = bus.subscribe('stuck');
    const free = record(bus, 'free');
    const publisher = bus.publisher('stuck');
    fill(publisher, 'x'.repeat(10_000));
    expect(publisher.send('x')).toBe(BACK_PRESSURED);
    await bus.publish('free', 1);
    expect(free.data).toEqual([1]);
    const waiting = publisher.writable();
    let taken = 0;
    const queued = stuck.queued;
    const loop = (async () => {
      for await (const _ of stuck) if (++taken === queued) break;
    })();
    await waiting;
    await loop;
  });

  test('handlers may publish, subscribe and close from within', async () => {
    const bus = await open({ directory: scratch() });
    const heard = record(bus, 'answer');
    const subscription = bus.subscribe<number>('question', ({ data }) => {
      subscription.close();
      record(bus, 'later');
      void bus.publish('answer', data + 1);
      void bus.publish('later', 1);
    });
    await bus.publish('question', 1);
    await heard.reach(1);
    expect(await bus.publish('question', 2)).toEqual({ deliveries: [] });
    await bus.drain();
    expectBalanced(bus.counters);
  });

  test.each([msgpack, json])('publishing from a getter, or toJSON, while a value is encoded: $name', async (codec) => {
    const bus = await open({ directory: scratch(), codec });
    const heard = record(bus, '>');
    class Chatty {
      get inner() {
        void bus.publish('inner', { big: 'x'.repeat(5000) });
        return 'seen';
      }
      toJSON() {
        return { inner: this.inner };
      }
    }
    const chatty = new Chatty();
    const value =
      codec === json
        ? chatty
        : {
            get inner() {
              return chatty.inner;
            },
          };
    await bus.publish('outer', value);
    await bus.drain();
    expect(heard.messages.map(({ topic, data }) => [topic, data])).toEqual([
      ['inner', { big: 'x'.repeat(5000) }],
      ['outer', { inner: 'seen' }],
    ]);
    expectBalanced(bus.counters);
  });

  test('a handler that throws, or rejects, is told and counted; the next message comes all the same', async () => {
    const bus = await open({ directory: scratch() });
    const errors = errorsOf(bus);
    const got: number[] = [];
    bus.subscribe<number>('t', ({ data }) => {
      got.push(data);
      if (data === 1) throw new Error('synchronous');
      if (data === 2) return Promise.reject(new Error('asynchronous'));
      if (data === 3) throw 'a string';
      return undefined;
    });
    for (const n of [1, 2, 3, 4]) await bus.publish('t', n);
    await until(() => got.length === 4);
    expect(errors.map(({ code }) => code)).toEqual(Array(3).fill('HANDLER_FAILED'));
    expect(errors[0]?.where).toContain('subscription t');
    expect(bus.counters.handlerErrors).toBe(3);
    expectBalanced(bus.counters);
  });

  test('a handler that never returns holds up its own flow and nobody else', async () => {
    const bus = await open({ directory: scratch() });
    const began: string[] = [];
    bus.subscribe<string>('work.*', ({ topic, data }) => {
      began.push(`${topic} ${data}`);
      return data === 'hang' ? new Promise(() => {}) : undefined;
    });
    const others = record(bus, '>');
    await bus.publish('work.a', 'hang');
    for (const data of ['one', 'two']) for (const topic of ['work.a', 'work.b']) await bus.publish(topic, data);
    expect(began).toEqual(['work.a hang', 'work.b one', 'work.b two']);
    expect(others.messages).toHaveLength(5);
    expectBalanced(bus.counters);
  });

  test('order keys are flows of their own, each in order', async () => {
    const bus = await open({ directory: scratch() });
    const releases = new Map<string, () => void>();
    const done: string[] = [];
    bus.subscribe<string>('t', async ({ data }) => {
      if (data === 'a1') await new Promise<void>((resolve) => releases.set(data, resolve));
      done.push(data);
    });
    for (const [orderKey, data] of [
      ['a', 'a1'],
      ['b', 'b1'],
      ['a', 'a2'],
      ['b', 'b2'],
    ] as const)
      await bus.publish('t', data, { orderKey });
    await until(() => done.length === 2);
    expect(done).toEqual(['b1', 'b2']);
    releases.get('a1')?.();
    await until(() => done.length === 4);
    expect(done).toEqual(['b1', 'b2', 'a1', 'a2']);
  });

  test('with a concurrency, what waits is taken most urgent first', async () => {
    const bus = await open({ directory: scratch() });
    const order: string[] = [];
    const releases: (() => void)[] = [];
    bus.subscribe<string>(
      't',
      ({ data }) => {
        order.push(data);
        return new Promise<void>((resolve) => releases.push(resolve));
      },
      { concurrency: 1 },
    );
    await bus.publish('t', 'first');
    for (const priority of ['batch', 'low', 'normal', 'high', 'critical'] as const)
      await bus.publish('t', priority, { priority });
    for (let n = 0; n < 6; n++) {
      await until(() => releases.length > n);
      releases[n]?.();
    }
    expect(order).toEqual(['first', 'critical', 'high', 'normal', 'low', 'batch']);
  });

  test('await using closes the bus, using ends a subscription', async () => {
    const directory = scratch();
    const outer = await open({ directory });
    const left = next(outer, 'leave');
    {
      await using bus = await createBus({ name: 'scoped', directory });
      {
        using subscription = bus.subscribe('t');
        expect((await bus.publish('t', 1)).deliveries).toHaveLength(1);
        expect(subscription.queued).toBe(1);
      }
      expect((await bus.publish('t', 1)).deliveries).toEqual([]);
    }
    expect((await left).name).toBe('scoped');
  });

  test('a listener that throws does not take the bus with it', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    bus.on('join', () => {
      throw new Error('listener');
    });
    const other = await open({ directory });
    const heard = record(other, 't');
    await heard.subscription.ready;
    await bus.publish('t', 1);
    expect(heard.data).toEqual([1]);
  });
});
