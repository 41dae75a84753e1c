import { readFileSync } from 'node:fs';
import { type Bus, type Lease, type Loan, OK, topic } from '@busbar/core';
import { shm } from '@busbar/transport-shm';
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { joined, open, Peer, scratch, until } from './harness.ts';
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

  test('goes by reference soon, though another transport carries messages of its size', async () => {
    const [bus, reader] = await Promise.all(
      ['lender', 'reader'].map((name) => open({ name, directory, transports: ['uds', 'shm'] })),
    );
    const heard = record<Lease>(reader, 'bulk', { lease: true });
    await heard.subscription.ready;
    const publisher = bus.publisher('bulk');
    const send = async (n: number): Promise<Lease> => {
      const loan = await publisher.loan(BYTES);
      loan.view.fill(n);
      expect(loan.send()).toBe(OK);
      const lease = (await heard.reach(n))[n - 1].data;
      expect(lease.view).toEqual(new Uint8Array(BYTES).fill(n));
      return lease;
    };
    await send(1);
    await until(() => bus.routes().some(({ transport, state }) => transport === 'shm' && state === 'up'));
    expect(isReferred(await send(2))).toBe(true);
    expect(heard.messages.map(({ via }) => via)).toEqual(['uds', 'uds']);
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

describe('when its transport is removed', () => {
  const full = new Uint8Array(BYTES).fill(7);

  /** A lender and who takes leases, each in a bus of its own, over both. */
  async function twoRoutes() {
    const [bus, reader] = await Promise.all(
      ['lender', 'reader'].map((name) => open({ name, directory, transports: ['shm', 'uds'] })),
    );
    const heard = record<Lease>(reader, 'bulk', { lease: true });
    await heard.subscription.ready;
    await meet(bus);
    const publisher = bus.publisher('bulk');
    const filled = async (): Promise<Loan> => {
      const loan = await publisher.loan(BYTES);
      loan.view.set(full);
      return loan;
    };
    const lend = async (): Promise<void> => {
      const loan = await filled();
      while (loan.send() !== OK) await publisher.writable();
    };
    return { bus, reader, heard, publisher, filled, lend };
  }

  /** What is lent can be opened by whom its transport leads to. */
  async function meet(bus: Bus): Promise<void> {
    await bus.publish('bulk', new Uint8Array(1), { via: 'shm' });
  }

  test('a loan that was not sent yet goes by value, whole', async () => {
    const { bus, heard, publisher, filled } = await twoRoutes();
    const [early, late] = [await filled(), await filled()];
    expect(early.send()).toBe(OK);
    // What waits for a route is not sent either.
    await heard.reach(2);
    await bus.remove('shm');
    expect(late.view).toEqual(full);
    expect(late.send()).toBe(OK);
    expect(await publisher.flush()).toEqual({ delivered: 2, failed: [] });
    const [, ...both] = (await heard.reach(3)).map(({ data }) => data);
    expect(both.map(isReferred)).toEqual([true, false]);
    for (const { view } of both) expect(view).toEqual(full);
    await expect(publisher.loan(1)).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
  });

  test.each(['lender', 'reader'] as const)('by the %s, a lease stays as it is until it is released', async (who) => {
    const { heard, publisher, lend, ...buses } = await twoRoutes();
    const side = who === 'lender' ? buses.bus : buses.reader;
    await lend();
    const [, { data: lease }] = await heard.reach(2);
    await side.remove('shm');
    expect(lease.view).toEqual(full);
    // It comes back, and lends again, while the old lease is read.
    await side.use(shm());
    await meet(buses.bus);
    for (let n = 4; n < 7; n++) {
      await lend();
      await heard.reach(n);
      expect(heard.data.at(-1)?.view).toEqual(full);
      expect(isReferred(heard.data[n - 1])).toBe(true);
    }
    expect(lease.view).toEqual(full);
    expect((await publisher.flush()).failed).toEqual([]);
    for (const one of heard.data) one.release();
  });

  test('each side gives back what it had of it, as soon as the application lets go', async () => {
    const { bus, heard, filled, lend } = await twoRoutes();
    await lend();
    const loan = await filled();
    const [, { data: lease }] = await heard.reach(2);
    expect(mapped(bus)).toBe(2);
    await bus.remove('shm');
    expect(mapped(bus)).toBe(2);
    lease.release();
    await until(() => mapped(bus) === 1);
    loan.release();
    await until(() => mapped(bus) === 0);
  });
});

/** It is where the sender wrote it: the whole region is mapped, not this message copied. */
function isReferred({ view }: Lease): boolean {
  return view.buffer.byteLength >= 1_048_576;
}

/** Mappings of memory that `bus` lends. */
function mapped({ self }: Bus): number {
  const maps = readFileSync('/proc/self/maps', 'utf8');
  return maps.split('\n').filter((line) => line.includes(`memfd:busbar-${self.id}-lent`)).length;
}

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
