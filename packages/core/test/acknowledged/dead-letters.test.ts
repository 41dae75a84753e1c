import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type DeadLetterStore,
  MemoryDeadLetterStore,
  type StoredLetter,
} from '../../src/acknowledged/dead-letter-store.ts';
import { Office, worker } from '../support/acknowledging.ts';
import { type Participant, turn } from '../support/pair.ts';

let office: Office;
let a: Participant;
let b: Participant;
let c: Participant;

async function start(deadLetters?: DeadLetterStore): Promise<void> {
  office = await Office.open({ deadLetters });
  ({ a, b, c } = office);
}

beforeEach(() => start());
afterEach(() => office.close());

/** Publishes `value`, which becomes a dead letter at b, where its handler is still at work. */
async function slowLetter(value: unknown) {
  const slow = worker(b);
  await turn();
  const state = office.publish(value, { ackTimeout: 1000, maxDeliveries: 1 });
  await office.flow();
  await office.pass(1000);
  expect(state.error?.code).toBe('DEAD_LETTERED');
  return slow;
}

describe('a dead letter that is given out again', () => {
  test('is not handled twice by who has processed it too late: it says so', async () => {
    const slow = await slowLetter('x');
    slow.seen[0].done();
    await office.flow();
    const again = a.bus.deadLetters.requeue(1);
    await office.flow();
    expect((await again).deliveries).toMatchObject([{ outcome: 'processed', attempts: 1 }]);
    expect(slow.seen).toHaveLength(1);
  });

  test('is processed by the word of who is still at work on it', async () => {
    const slow = await slowLetter('x');
    const again = a.bus.deadLetters.requeue(1);
    await office.flow();
    slow.seen[0].done();
    await office.flow();
    expect((await again).deliveries).toMatchObject([{ outcome: 'processed', attempts: 1 }]);
    expect(slow.seen).toHaveLength(1);
  });

  test('while others have its message: their word is about both', async () => {
    b.bus.subscribe('t', ({ redelivered }) => {
      if (!redelivered) throw new Error('once');
    });
    const slow = worker(c);
    await turn();
    const state = office.publish('x', { maxDeliveries: 1 });
    await office.flow();
    const again = a.bus.deadLetters.requeue(1);
    await office.flow();
    expect(state).toEqual({});
    slow.seen[0].done();
    await office.flow();
    expect((await again).deliveries.map(({ outcome }) => outcome)).toEqual(['processed', 'processed']);
    expect(state.receipt?.deliveries).toMatchObject([
      { peerName: 'b', outcome: 'dead-lettered' },
      { peerName: 'c', outcome: 'processed' },
    ]);
  });

  test('stays one when its deadline passes, and when the bus closes', async () => {
    const slow = await slowLetter('x');
    const late = a.bus.deadLetters.requeue(1, { deadline: 500 });
    const rejected = expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await office.flow();
    await office.pass(500);
    await rejected;
    expect(a.bus.deadLetters.list()).toMatchObject([{ number: 2, data: 'x', reason: 'the deadline passed' }]);
    const again = a.bus.deadLetters.requeue(2);
    const closed = expect(again).rejects.toMatchObject({ code: 'CLOSED' });
    await office.flow();
    await Promise.all([a.bus.close({ timeout: 1 }), office.mesh.clock.advance(10)]);
    await closed;
    expect(a.bus.deadLetters.list()).toMatchObject([{ number: 3, data: 'x', reason: 'the bus was closed' }]);
    await expect(a.bus.deadLetters.requeue(3)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(a.bus.deadLetters.size).toBe(1);
    slow.seen[0].done();
  });

  test('stays where it is when nobody wants it, or its caller has given up already', async () => {
    const slow = worker(b, 'g');
    await turn();
    const state = office.publish('x', { ackTimeout: 1000, maxDeliveries: 1 });
    await office.flow();
    await office.pass(1000);
    expect(state.error?.code).toBe('DEAD_LETTERED');
    const aborted = a.bus.deadLetters.requeue(1, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    slow.subscription.close();
    await turn();
    await expect(a.bus.deadLetters.requeue(1)).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
    expect(a.bus.deadLetters.list().map(({ number }) => number)).toEqual([1]);
    slow.seen[0].done();
  });

  test('counts once, also when a listener ends the next while this one is told', async () => {
    const slow = await slowLetter('x');
    worker(c);
    await turn();
    const abort = new AbortController();
    a.bus.on('deadLetter', () => abort.abort());
    const again = a.bus.deadLetters.requeue(1, { deadline: 500, signal: abort.signal });
    const rejected = expect(again).rejects.toMatchObject({ code: 'ABORTED' });
    await office.flow();
    await office.pass(500);
    await rejected;
    expect(a.bus.counters.outcomes).toMatchObject({ 'dead-lettered': 1, expired: 2 });
    slow.seen[0].done();
  });
});

describe('a store of the application’s', () => {
  test('has letters from before: new ones get numbers of their own, and old ones can be given out', async () => {
    const store = new MemoryDeadLetterStore(1e6);
    await office.close();
    await start(store);
    await slowLetter('before');
    await office.close();
    await start(store);
    await slowLetter('after');
    expect(a.bus.deadLetters.list().map(({ number, data }) => [number, data])).toEqual([
      [1, 'before'],
      [2, 'after'],
    ]);
  });

  test('gets bytes that are the letter’s own', async () => {
    const kept: StoredLetter[] = [];
    const store: DeadLetterStore = {
      add: (letter) => {
        kept.push(letter);
        return [];
      },
      get: () => undefined,
      delete: () => false,
      letters: () => kept,
      size: 0,
    };
    await office.close();
    await start(store);
    await slowLetter('x');
    expect(kept[0].payload.buffer.byteLength).toBe(kept[0].payload.length);
  });

  test('that throws loses its letter, not the delivery: that ends, and the application is told', async () => {
    const store = new MemoryDeadLetterStore(1e6);
    store.add = () => {
      throw new Error('disk full');
    };
    await office.close();
    await start(store);
    const told: unknown[] = [];
    a.bus.on('deadLetter', ({ data }) => told.push(data));
    await slowLetter('x');
    expect([told, a.bus.deadLetters.size]).toEqual([['x'], 0]);
  });
});

test('a letter that cannot be read has its bytes', async () => {
  const store = new MemoryDeadLetterStore(1e6);
  await office.close();
  await start(store);
  await slowLetter('x');
  const [letter] = store.letters();
  const payload = Uint8Array.of(0xc1);
  store.add({ ...letter, number: 7, payload });
  expect(a.bus.deadLetters.list().map(({ data }) => data)).toEqual(['x', payload]);
});

test('what a publisher hands over by reference is in its dead letter', async () => {
  const { seen } = worker(a);
  const options = { reliability: 'acknowledged', local: 'reference', ackTimeout: 1000, maxDeliveries: 1 } as const;
  const publisher = a.bus.publisher('t', options);
  const value = { n: 1 };
  publisher.send(value);
  await office.flow();
  expect(seen[0].message.data).toBe(value);
  await office.pass(1000);
  expect(a.bus.deadLetters.list()).toMatchObject([{ data: { n: 1 } }]);
  expect(await publisher.flush()).toMatchObject({ delivered: 0, failed: [{ outcome: 'dead-lettered', count: 1 }] });
});

describe('letters in memory', () => {
  const letter = (number: number, bytes: number): StoredLetter => ({
    number,
    topic: 't',
    group: undefined,
    id: number,
    at: 0,
    reason: '',
    attempts: 1,
    path: [],
    priority: 2,
    flow: 0,
    keyed: false,
    ackTimeoutMs: 1,
    maxDeliveries: 1,
    headers: undefined,
    codec: 0,
    payload: new Uint8Array(bytes),
  });
  const numbers = (letters: Iterable<StoredLetter>) => Array.from(letters, ({ number }) => number);

  test('make room for newer ones, the oldest first, and say which', () => {
    const store = new MemoryDeadLetterStore(10_000);
    expect([1, 2].map((number) => numbers(store.add(letter(number, 4000))))).toEqual([[], []]);
    expect(numbers(store.add(letter(3, 8000)))).toEqual([1, 2]);
    expect(numbers(store.letters())).toEqual([3]);
    expect(numbers(store.add(letter(4, 20_000)))).toEqual([3]);
    expect(numbers(store.letters())).toEqual([4]);
  });

  test('that are dropped leave their room', () => {
    const store = new MemoryDeadLetterStore(10_000);
    store.add(letter(1, 8000));
    expect([store.delete(1), store.delete(1), store.size]).toEqual([true, false, 0]);
    store.add(letter(2, 4000));
    expect(numbers(store.add(letter(3, 4000)))).toEqual([]);
  });
});
