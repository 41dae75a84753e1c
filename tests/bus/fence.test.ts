import path from 'node:path';
import { KIND } from '@busbar/core/contract';
import { describe, expect, test } from 'vitest';
import { open, Peer, scratch, until } from './harness.ts';
import { Hostile } from './hostile.ts';
import { record } from './recorder.mjs';

describe('cause precedes effect', () => {
  test('subscribe, then publish: the answer that this provokes cannot miss the subscription', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus }) => {
      const subscription = bus.subscribe<string>('provoke', ({ data }) => {
        void bus.publish(data, 'effect');
      });
      await subscription.ready;
    });
    for (let n = 0; n < 200; n++) {
      const effect = record(bus, `effect.n${n}`);
      // Deliberately not waiting for `ready`.
      const cause = bus.publish('provoke', `effect.n${n}`);
      await effect.reach(1);
      await cause;
      effect.subscription.close();
    }
  });

  test('data to a peer waits until that peer has acknowledged the subscription, and no longer', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await new Hostile(bus, path.join(directory, 'default')).join({ patterns: ['t'] });
    const inbox = await peer.intoInbox();
    void bus.publish('t', 'before').catch(() => {});
    const outbox = await peer.outOfBus();
    await outbox.frame(KIND.EVENT);
    const events = (): number => outbox.seen.filter(({ kind }) => kind === KIND.EVENT).length;

    bus.subscribe('effect');
    void bus.publish('t', 'cause').catch(() => {});
    const { id } = await peer.control.frame(KIND.SUBSCRIBE);
    // A ping is fenced by nothing, and its answer comes behind whatever was written before it.
    inbox.send({ kind: KIND.PING, messageId: 1 });
    await outbox.frame(KIND.RECEIPT);
    expect(events()).toBe(1);
    peer.control.send({ kind: KIND.RECEIPT, messageId: id });
    await until(() => events() === 2);
  });

  test('the same for serve, then publish', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await Peer.open({ directory });
    await peer.run(async ({ bus, kept }) => {
      kept.answers = [];
      const subscription = bus.subscribe<string>('call.me', async ({ data }) => {
        kept.answers.push(await bus.request(data, 'hello').catch((error) => error.code));
      });
      await subscription.ready;
    });
    for (let n = 0; n < 50; n++) {
      bus.serve(`serve.n${n}`, () => n);
      await bus.publish('call.me', `serve.n${n}`);
    }
    await bus.drain();
    const answers = await peer.run(async ({ kept }) => {
      while (kept.answers.length < 50) await new Promise((resolve) => setImmediate(resolve));
      return kept.answers;
    });
    expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test('after `ready` a third participant’s message comes, too', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const publisher = await Peer.open({ directory });
    for (let n = 0; n < 50; n++) {
      const heard = record(bus, `topic.n${n}`);
      await heard.subscription.ready;
      const outcome = await publisher.run(
        async ({ bus }, topic) => (await bus.publish(topic, 1)).deliveries.map(({ outcome }) => outcome),
        `topic.n${n}`,
      );
      expect(outcome).toEqual(['delivered']);
    }
  });

  test('subscriptions made while participants join are known to all of them', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const starting = Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const peer = await Peer.start();
        await peer.run((context, options) => context.open(options), { name: `p${n}`, directory });
        return peer;
      }),
    );
    const records = [];
    let started = false;
    void starting.then(() => {
      started = true;
    });
    for (let n = 0; !started; n++) {
      records.push(record(bus, `live.n${n}`));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const peers = await starting;
    await Promise.all(records.map(({ subscription }) => subscription.ready));
    for (const peer of peers)
      await peer.run(async ({ bus }, count) => {
        for (let n = 0; n < count; n++) await bus.publish(`live.n${n}`, bus.self.name);
      }, records.length);
    for (const heard of records) expect(new Set(heard.data).size).toBe(6);
  });
});
