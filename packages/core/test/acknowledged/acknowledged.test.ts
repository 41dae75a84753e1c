import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeadLetter } from '../../src/acknowledged/dead-letters.ts';
import type { Message } from '../../src/message.ts';
import { Office, worker } from '../support/acknowledging.ts';
import { type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;
let letters: DeadLetter[];

beforeEach(async () => {
  office = await Office.open();
  ({ a, b } = office);
  letters = [];
  a.bus.on('deadLetter', (letter) => letters.push(letter));
});
afterEach(() => office.close());

describe('an acknowledged message', () => {
  test('is processed when its handler has returned, not when it has arrived', async () => {
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x');
    await office.flow();
    expect(seen).toHaveLength(1);
    expect(state).toEqual({});
    seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries).toEqual([
      { peer: b.engine.self.id, peerName: 'b', via: 'red', outcome: 'processed', attempts: 1 },
    ]);
    expect(a.bus.counters.outcomes).toMatchObject({ processed: 1 });
    expect(seen[0].message.redelivered).toBe(false);
  });

  test('to the own bus alike', async () => {
    const { seen } = worker(a);
    const state = office.publish('x');
    await office.flow();
    expect([seen.length, state]).toEqual([1, {}]);
    seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries).toMatchObject([{ via: 'local', outcome: 'processed', attempts: 1 }]);
  });

  test('that nobody subscribes to is NO_RESPONDERS at once', async () => {
    const state = office.publish('x');
    await turn();
    expect(state.error?.code).toBe('NO_RESPONDERS');
    const publisher = a.bus.publisher('t', { reliability: 'acknowledged' });
    expect(publisher.send(1)).toBe(-1);
    expect(a.bus.counters).toMatchObject({ targets: 0, published: 0 });
  });

  test.each([
    ['a peer', () => worker(b)],
    ['the own bus', () => worker(a)],
    ['a member of a group', () => worker(b, 'g')],
  ])('can be sent as soon as somebody subscribes: %s', async (_who, subscribe) => {
    const publisher = a.bus.publisher('t', { reliability: 'acknowledged' });
    let isWritable = false;
    const writable = publisher.writable().then(() => {
      isWritable = true;
    });
    await turn();
    expect(isWritable).toBe(false);
    const { seen } = subscribe();
    await turn();
    await writable;
    expect(publisher.send(1)).toBe(0);
    await office.flow();
    seen[0].done();
    expect((await Promise.all([publisher.flush(), office.flow()]))[0]).toEqual({ delivered: 1, failed: [] });
  });

  test('that nobody subscribes to does not wait for ever', async () => {
    const writable = a.bus.publisher('t', { reliability: 'acknowledged' }).writable({ deadline: 50 });
    const late = expect(writable).rejects.toThrow('nobody has subscribed in time');
    await office.pass(50);
    await late;
  });

  test('is processed with the first word: ack, then whatever the handler does', async () => {
    b.bus.subscribe('t', async (message) => {
      message.ack();
      message.nack();
      await turn();
      throw new Error('too late to matter');
    });
    await turn();
    const state = office.publish('x');
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 1 });
  });

  test('is sent again, marked, when the handler throws; after a pause that doubles', async () => {
    const times: number[] = [];
    const marks: boolean[] = [];
    b.bus.subscribe('t', ({ redelivered }) => {
      times.push(office.mesh.clock.now());
      marks.push(redelivered);
      if (times.length < 4) throw new Error('not yet');
    });
    await turn();
    const state = office.publish('x');
    await office.flow();
    for (let i = 0; i < 700; i++) await office.pass(1);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 4 });
    expect(marks).toEqual([false, true, true, true]);
    expect(times.map((time) => time - times[0])).toEqual([0, 100, 300, 700]);
    expect(letters).toEqual([]);
  });

  test('is a dead letter after its last attempt, with reason and path, and can be given out again', async () => {
    let isBroken = true;
    const seen: Message[] = [];
    b.bus.subscribe('t', (message) => {
      seen.push(message);
      if (isBroken) throw new Error('disk full');
    });
    await turn();
    const state = office.publish({ n: 1 }, { maxDeliveries: 3, headers: { trace: '7' }, priority: 'high' });
    await office.flow();
    await office.pass(100);
    await office.pass(200);
    expect(state.error).toMatchObject({ code: 'DEAD_LETTERED' });
    expect(state.error?.message).toContain('the handler failed: disk full');
    const step = { peer: b.engine.self.id, peerName: 'b', reason: 'the handler failed: disk full' };
    const letter = {
      number: 1,
      topic: 't',
      group: undefined,
      id: seen[0].id,
      at: expect.any(Number),
      reason: 'the handler failed: disk full',
      attempts: 3,
      path: [step, step, step],
      priority: 'high',
      headers: { trace: '7' },
      data: { n: 1 },
    };
    expect(letters).toEqual([letter]);
    expect(a.bus.deadLetters.list()).toEqual([letter]);
    expect(a.bus.deadLetters.list('u.>')).toEqual([]);
    expect(a.bus.stats().failed).toEqual([{ outcome: 'dead-lettered', reason: 'the handler failed', count: 1 }]);
    isBroken = false;
    const again = a.bus.deadLetters.requeue(1);
    await office.flow();
    expect((await again).deliveries).toMatchObject([{ outcome: 'processed', attempts: 1 }]);
    expect(seen.at(-1)).toMatchObject({ id: seen[0].id, redelivered: true, data: { n: 1 }, headers: { trace: '7' } });
    expect(a.bus.deadLetters.size).toBe(0);
    await expect(a.bus.deadLetters.requeue(1)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(a.bus.deadLetters.drop(1)).toBe(false);
  });

  test('nack says when it is sent again, and why it was not processed', async () => {
    const times: number[] = [];
    b.bus.subscribe('t', (message) => {
      times.push(office.mesh.clock.now());
      message.nack({ retryIn: 5000, reason: 'the model is loading' });
    });
    await turn();
    const state = office.publish('x', { maxDeliveries: 2 });
    await office.flow();
    await office.pass(4999);
    expect(times).toHaveLength(1);
    await office.pass(1);
    expect(times.map((time) => time - times[0])).toEqual([0, 5000]);
    expect(state.error?.message).toContain('the handler refused it: the model is loading');
  });

  test('is marked when it is sent again in fragments, too', async () => {
    const { seen, marks } = worker(b);
    await turn();
    const state = office.publish(new Uint8Array(20_000));
    await office.flow();
    seen[0].message.nack({ retryIn: 0 });
    await office.flow();
    expect(marks()).toEqual([false, true]);
    seen[1].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test('only such a message can be refused; ack does nothing to others', async () => {
    const errors: string[] = [];
    b.bus.subscribe('t', (message) => {
      message.ack();
      try {
        message.nack();
      } catch (error) {
        errors.push((error as { code: string }).code);
      }
    });
    await turn();
    const state = office.publish('x', { reliability: 'reliable' });
    await office.flow();
    expect([errors, state.receipt?.deliveries[0].outcome]).toEqual([['MISUSE'], 'delivered']);
  });

  test('is not handled twice by a process that is slow: the second copy is known, and its word counts', async () => {
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x', { ackTimeout: 1000 });
    await office.flow();
    await office.pass(1000);
    expect(b.bus.counters.duplicates).toBe(1);
    expect(seen).toHaveLength(1);
    seen[0].done();
    await office.flow();
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test('whose handler never ends is a dead letter after all its time', async () => {
    worker(b);
    await turn();
    const state = office.publish('x', { ackTimeout: 1000, maxDeliveries: 2 });
    await office.flow();
    await office.pass(1000);
    await office.pass(1000);
    expect(state.error?.message).toContain('it was not acknowledged in time');
    expect(a.bus.deadLetters.size).toBe(1);
  });

  test('is a dead letter when its only receiver dies, whether it had it or not', async () => {
    worker(b);
    await turn();
    const [had, had2] = [office.publish(1), office.publish(2)];
    await office.flow();
    await office.mesh.kill(b);
    await office.flow();
    expect([had.error?.code, had2.error?.code]).toEqual(['DEAD_LETTERED', 'DEAD_LETTERED']);
    expect(a.bus.deadLetters.list().map(({ data }) => data)).toEqual([1, 2]);
  });

  test('is given again only to those of several subscriptions that have not processed it', async () => {
    const counts = [0, 0];
    b.bus.subscribe('t', () => {
      counts[0]++;
    });
    b.bus.subscribe('t', () => {
      if (counts[1]++ === 0) throw new Error('once');
    });
    await turn();
    const state = office.publish('x');
    await office.flow();
    await office.pass(100);
    expect(counts).toEqual([1, 2]);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test('ends with its caller’s patience: what comes later comes in vain', async () => {
    const { seen } = worker(b);
    await turn();
    const state = office.publish('x', { deadline: 500, ackTimeout: 300 });
    await office.flow();
    await office.pass(500);
    expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
    seen[0].done();
    await office.flow();
    await office.pass(10_000);
    expect(seen).toHaveLength(1);
    expect(a.bus.deadLetters.size).toBe(0);
  });

  test('whose ttl passes is expired, and no dead letter', async () => {
    b.bus.subscribe('t', () => {
      throw new Error('never');
    });
    await turn();
    const state = office.publish('x', { ttl: 150 });
    await office.flow();
    await office.pass(100);
    await office.pass(200);
    expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
    expect([a.bus.deadLetters.size, a.bus.counters.outcomes.expired]).toEqual([0, 1]);
  });

  test('an iterator processes it by asking for the next; leaving the loop does not', async () => {
    const subscription = b.bus.subscribe('t');
    await turn();
    const [one, two] = [office.publish(1), office.publish(2, { maxDeliveries: 1 })];
    await office.flow();
    const seen: unknown[] = [];
    for await (const { data } of subscription) {
      seen.push(data);
      await office.flow();
      if (data === 2) break;
    }
    await office.flow();
    expect(seen).toEqual([1, 2]);
    expect(one.receipt?.deliveries[0].outcome).toBe('processed');
    expect(two.error?.message).toContain('the subscription was closed');
  });
});
