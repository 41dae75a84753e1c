import { type Lease, OK, topic } from '@busbar/core';
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { joined, open, Peer, scratch } from './harness.ts';
import { record } from './recorder.mjs';

const BYTES = 100_000;
/** Of slots that take it, the default limit has room for one. */
const HUGE = 40 * 1024 * 1024;

let directory: string;

beforeEach(() => {
  directory = scratch();
});

/** Another bus of this process; over shared memory all the same. */
function openShm(name: string): ReturnType<typeof open> {
  return open({ name, directory, transports: ['shm'] });
}

describe('one loan', () => {
  test('reaches who shares memory by reference, as a copy or a lease, and everybody else by value', async () => {
    const bus = await open({ name: 'lender', directory, transports: ['shm', 'uds'] });
    const peers = await Promise.all(
      ['copies', 'leases', 'far'].map((name) =>
        Peer.open({ name, directory, transports: name === 'far' ? ['uds'] : ['shm'] }),
      ),
    );
    for (const [index, peer] of peers.entries()) {
      await peer.run(async ({ bus: own, kept }, lease) => {
        kept.heard = [];
        const subscription = own.subscribe(
          'bulk',
          ({ data, via }: { data: unknown; via: string }) => {
            const bytes = lease ? (data as { view: Uint8Array }).view : (data as Uint8Array);
            kept.heard.push({ via, length: bytes.length, sum: bytes.reduce((sum, byte) => sum + byte, 0) });
            if (lease) (data as { release(): void }).release();
          },
          { lease },
        );
        await subscription.ready;
      }, index === 1);
    }
    const here = record<Uint8Array>(bus, 'bulk');
    const lent = record<Lease>(bus, 'bulk', { lease: true });
    await Promise.all([here.subscription.ready, joined(bus, 'far')]);
    const publisher = bus.publisher('bulk');
    const loan = await publisher.loan(BYTES);
    expect(loan.view).toHaveLength(BYTES);
    loan.view.fill(3);
    expect(loan.send()).toBe(OK);
    expect(await publisher.flush()).toEqual({ delivered: 4, failed: [] });
    // The memory is written again; nobody who has a copy sees that.
    (await publisher.loan(BYTES)).view.fill(9);
    const heard = { length: BYTES, sum: 3 * BYTES };
    expect(here.data[0]).toEqual(new Uint8Array(BYTES).fill(3));
    expect(lent.data[0].view).toEqual(new Uint8Array(BYTES).fill(3));
    for (const [index, peer] of peers.entries()) {
      const [first] = await peer.run(({ kept }) => kept.heard);
      expect(first).toEqual({ ...heard, via: index === 2 ? 'uds' : 'shm' });
    }
    const shm = bus
      .stats()
      .peers.find(({ name }) => name === 'copies')
      ?.routes.find((one) => one.transport === 'shm');
    expect(shm?.bytesSent).toBeLessThan(1000);
  });

  test('to be acknowledged, it can be sent again though its memory is used again', async () => {
    const bus = await openShm('lender');
    const peer = await Peer.open({ name: 'b', directory, transports: ['shm'] });
    await peer.run(async ({ bus: own, kept }) => {
      kept.heard = [];
      await own.subscribe<Uint8Array>('work', (message) => {
        kept.heard.push([message.redelivered, message.data[0]]);
        if (!message.redelivered) message.nack({ retryIn: 1 });
      }).ready;
    });
    const publisher = bus.publisher('work', { reliability: 'acknowledged' });
    const loan = await publisher.loan(BYTES);
    loan.view.fill(1);
    expect(loan.send()).toBe(OK);
    const other = await publisher.loan(BYTES);
    other.view.fill(2);
    expect((await publisher.flush()).delivered).toBe(1);
    expect(await peer.run(({ kept }) => kept.heard)).toEqual([
      [false, 1],
      [true, 1],
    ]);
  });

  test('a member of a group that gets it, gets it whole', async () => {
    const bus = await openShm('lender');
    const members = await Promise.all([openShm('one'), openShm('two')]);
    const heard = members.map((member) => record<Uint8Array>(member, 'shared', { group: 'g' }));
    await Promise.all(heard.map(({ subscription }) => subscription.ready));
    const publisher = bus.publisher('shared');
    for (let n = 0; n < 20; n++) {
      const loan = await publisher.loan(1000);
      loan.view.fill(n);
      while (loan.send() !== OK) await publisher.writable();
    }
    await publisher.flush();
    const all = heard.flatMap(({ data }) => data.map((bytes) => [bytes.length, bytes[0], bytes[999]]));
    all.sort(([, a], [, b]) => a - b);
    expect(all).toEqual(Array.from({ length: 20 }, (_, n) => [1000, n, n]));
  });
});

describe('memory that is lent', () => {
  test('comes back when the lease is released: until then a loan waits', async () => {
    const [bus, reader] = [await openShm('lender'), await openShm('reader')];
    const heard = record<Lease>(reader, 'huge', { lease: true });
    await heard.subscription.ready;
    const publisher = bus.publisher('huge');
    const first = await publisher.loan(HUGE);
    first.view[HUGE - 1] = 5;
    first.send();
    await heard.reach(1);
    expect(heard.data[0].view[HUGE - 1]).toBe(5);
    await expect(publisher.loan(HUGE, { deadline: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const second = publisher.loan(HUGE);
    heard.data[0].release();
    expect((await second).view).toHaveLength(HUGE);
  });

  test.each([
    ['is killed', (peer: Peer) => peer.kill()],
    ['closes its bus', (peer: Peer) => peer.run(({ bus }) => bus.close().then(() => true))],
    ['closes the subscription where it waits', (peer: Peer) => peer.run(({ kept }) => kept.subscription.close())],
  ])('comes back when its reader %s', async (how, end) => {
    const limits = { topicCredit: 2 ** 30, linkCredit: 2 ** 30 };
    const bus = await open({ name: 'lender', directory, transports: ['shm'], limits });
    const peer = await Peer.open({ name: 'reader', directory, transports: ['shm'], limits });
    await peer.run(async ({ bus: own, kept }, waits) => {
      kept.count = 0;
      kept.subscription = own.subscribe(
        waits ? '*' : 'huge',
        () => {
          kept.count++;
          return waits ? new Promise(() => {}) : undefined;
        },
        { lease: true, concurrency: 1 },
      );
      await kept.subscription.ready;
    }, how.includes('waits'));
    const publisher = bus.publisher('huge');
    if (how.includes('waits')) await bus.publish('before', new Uint8Array(1));
    (await publisher.loan(HUGE)).send();
    expect((await publisher.flush()).delivered).toBe(1);
    const next = publisher.loan(HUGE);
    await end(peer);
    expect((await next).view).toHaveLength(HUGE);
  });

  test('is not lost nor mixed up by a link that breaks and goes on', async () => {
    const bus = await openShm('lender');
    const peer = await Peer.open({ name: 'reader', directory, transports: ['shm'] });
    await peer.run(async ({ bus: own, kept }) => {
      kept.heard = [];
      await own.subscribe<Lease>(
        'many',
        ({ data }) => {
          const { view } = data;
          kept.heard.push(view.every((byte) => byte === view[0]) ? view[0] : -1);
          data.release();
        },
        { lease: true },
      ).ready;
    });
    const publisher = bus.publisher('many');
    for (let n = 0; n < 200; n++) {
      const loan = await publisher.loan(20_000);
      loan.view.fill(n);
      while (loan.send() !== OK) await publisher.writable();
      if (n % 50 === 25) await peer.run(({ cut }) => cut('control'));
    }
    expect(await publisher.flush()).toEqual({ delivered: 200, failed: [] });
    expect(await peer.run(({ kept }) => kept.heard)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });
});

describe('refused', () => {
  test('where no transport lends memory', async () => {
    const bus = await open({ directory, transports: ['uds', 'memory'] });
    await expect(bus.publisher('t').loan(1)).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
  });

  test('what makes no sense', async () => {
    const bus = await openShm('lender');
    const publisher = bus.publisher('t');
    for (const bytes of [0, -1, 1.5, Number.NaN])
      await expect(publisher.loan(bytes)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(publisher.loan(2 ** 40)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await expect(publisher.loan(1, { deadline: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const checked = bus.publisher(topic('t', z.number()));
    await expect(checked.loan(1)).rejects.toMatchObject({ code: 'MISUSE' });
    const byReference = bus.publisher('t', { local: 'reference' });
    await expect(byReference.loan(1)).rejects.toMatchObject({ code: 'MISUSE' });
    expect(() => bus.subscribe(topic('t', z.number()), () => {}, { lease: true })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });

  test('a loan that was sent or released, or whose bus is closed', async () => {
    const bus = await openShm('lender');
    const publisher = bus.publisher('t');
    const [sent, released, kept] = [await publisher.loan(1), await publisher.loan(1), await publisher.loan(1)];
    expect(sent.send()).toBe(OK);
    expect(() => sent.send()).toThrow(expect.objectContaining({ code: 'MISUSE' }));
    released.release();
    released.release();
    expect(() => released.send()).toThrow(expect.objectContaining({ code: 'MISUSE' }));
    await bus.close();
    expect(kept.send()).not.toBe(OK);
    await expect(publisher.loan(1)).rejects.toMatchObject({ code: 'CLOSED' });
    kept.release();
  });

  test('a value where a lease is wanted, with the reason', async () => {
    const bus = await openShm('lender');
    const errors: unknown[] = [];
    bus.on('error', (error) => errors.push(error));
    const heard = record<Lease>(bus, 't', { lease: true });
    await bus.publish('t', { not: 'bytes' });
    await bus.publish('t', new Uint8Array([1]));
    await heard.reach(1);
    expect(heard.data[0].view).toEqual(new Uint8Array([1]));
    expect(errors).toEqual([expect.objectContaining({ code: 'DECODE_FAILED' })]);
  });
});
