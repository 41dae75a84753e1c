import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeadLetter } from '../../src/acknowledged/dead-letters.ts';
import type { Message } from '../../src/message.ts';
import type { PublishOptions } from '../../src/options.ts';
import { OUTCOMES, type Receipt } from '../../src/outcomes.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Mesh } from '../support/mesh.ts';
import { type Participant, turn } from '../support/pair.ts';

let red: Fabric;
let mesh: Mesh;
let a: Participant;
let b: Participant;
let c: Participant;
let letters: DeadLetter[];

beforeEach(async () => {
  red = new Fabric('red');
  mesh = await Mesh.create(3, red, { limits: { deadlineMs: 60_000 } });
  [a, b, c] = mesh.members;
  letters = [];
  a.bus.on('deadLetter', (letter) => letters.push(letter));
});
afterEach(async () => {
  for (const { bus } of mesh.members) {
    const { counters } = bus;
    expect(OUTCOMES.reduce((sum, outcome) => sum + counters.outcomes[outcome], 0)).toBe(counters.targets);
  }
  await mesh.close();
});

/** A publish and how it stands. */
function publish(value: unknown, options: PublishOptions = {}, from: Participant = a) {
  const state: { receipt?: Receipt; error?: { code: string; message: string } } = {};
  from.bus.publish('t', value, { reliability: 'acknowledged', ...options }).then(
    (receipt) => {
      state.receipt = receipt;
    },
    (error: { code: string; message: string }) => {
      state.error = error;
    },
  );
  return state;
}

/** Messages that a subscription was given, with what ends the work on each. */
function worker({ bus }: Participant, group?: string) {
  const seen: { readonly message: Message; readonly done: () => void; readonly fail: (error: unknown) => void }[] = [];
  const subscription = bus.subscribe(
    't',
    (message) => new Promise<void>((done, fail) => seen.push({ message, done, fail })),
    { group, concurrency: 100 },
  );
  return { seen, subscription, marks: () => seen.map(({ message }) => message.redelivered) };
}

async function pass(ms: number): Promise<void> {
  await mesh.clock.advance(ms);
  await flow(red);
}

describe('an acknowledged message', () => {
  test('is processed when its handler has returned, not when it has arrived', async () => {
    const { seen } = worker(b);
    await turn();
    const state = publish('x');
    await flow(red);
    expect(seen).toHaveLength(1);
    expect(state).toEqual({});
    seen[0].done();
    await flow(red);
    expect(state.receipt?.deliveries).toEqual([
      { peer: b.engine.self.id, peerName: 'b', via: 'red', outcome: 'processed', attempts: 1 },
    ]);
    expect(a.bus.counters.outcomes).toMatchObject({ processed: 1 });
    expect(seen[0].message.redelivered).toBe(false);
  });

  test('to the own bus alike', async () => {
    const { seen } = worker(a);
    const state = publish('x');
    await flow(red);
    expect([seen.length, state]).toEqual([1, {}]);
    seen[0].done();
    await flow(red);
    expect(state.receipt?.deliveries).toMatchObject([{ via: 'local', outcome: 'processed', attempts: 1 }]);
  });

  test('that nobody subscribes to is NO_RESPONDERS at once', async () => {
    const state = publish('x');
    await turn();
    expect(state.error?.code).toBe('NO_RESPONDERS');
    const publisher = a.bus.publisher('t', { reliability: 'acknowledged' });
    expect(publisher.send(1)).toBe(-1);
    expect(a.bus.counters).toMatchObject({ targets: 0, published: 0 });
  });

  test('is processed with the first word: ack, then whatever the handler does', async () => {
    b.bus.subscribe('t', async (message) => {
      message.ack();
      message.nack();
      await turn();
      throw new Error('too late to matter');
    });
    await turn();
    const state = publish('x');
    await flow(red);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 1 });
  });

  test('is sent again, marked, when the handler throws; after a pause that doubles', async () => {
    const times: number[] = [];
    const marks: boolean[] = [];
    b.bus.subscribe('t', ({ redelivered }) => {
      times.push(mesh.clock.now());
      marks.push(redelivered);
      if (times.length < 4) throw new Error('not yet');
    });
    await turn();
    const state = publish('x');
    await flow(red);
    for (let i = 0; i < 700; i++) await pass(1);
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
    const state = publish({ n: 1 }, { maxDeliveries: 3, headers: { trace: '7' }, priority: 'high' });
    await flow(red);
    await pass(100);
    await pass(200);
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
    await flow(red);
    expect((await again).deliveries).toMatchObject([{ outcome: 'processed', attempts: 1 }]);
    expect(seen.at(-1)).toMatchObject({ id: seen[0].id, redelivered: true, data: { n: 1 }, headers: { trace: '7' } });
    expect(a.bus.deadLetters.size).toBe(0);
    await expect(a.bus.deadLetters.requeue(1)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(a.bus.deadLetters.drop(1)).toBe(false);
  });

  test('nack says when it is sent again, and why it was not processed', async () => {
    const times: number[] = [];
    b.bus.subscribe('t', (message) => {
      times.push(mesh.clock.now());
      message.nack({ retryIn: 5000, reason: 'the model is loading' });
    });
    await turn();
    const state = publish('x', { maxDeliveries: 2 });
    await flow(red);
    await pass(4999);
    expect(times).toHaveLength(1);
    await pass(1);
    expect(times.map((time) => time - times[0])).toEqual([0, 5000]);
    expect(state.error?.message).toContain('the handler refused it: the model is loading');
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
    const state = publish('x', { reliability: 'reliable' });
    await flow(red);
    expect([errors, state.receipt?.deliveries[0].outcome]).toEqual([['MISUSE'], 'delivered']);
  });

  test('is not handled twice by a process that is slow: the second copy is known, and its word counts', async () => {
    const { seen } = worker(b);
    await turn();
    const state = publish('x', { ackTimeout: 1000 });
    await flow(red);
    await pass(1000);
    expect(b.bus.counters.duplicates).toBe(1);
    expect(seen).toHaveLength(1);
    seen[0].done();
    await flow(red);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test('whose handler never ends is a dead letter after all its time', async () => {
    worker(b);
    await turn();
    const state = publish('x', { ackTimeout: 1000, maxDeliveries: 2 });
    await flow(red);
    await pass(1000);
    await pass(1000);
    expect(state.error?.message).toContain('it was not acknowledged in time');
    expect(a.bus.deadLetters.size).toBe(1);
  });

  test('is a dead letter when its only receiver dies, whether it had it or not', async () => {
    worker(b);
    await turn();
    const [had, had2] = [publish(1), publish(2)];
    await flow(red);
    await mesh.kill(b);
    await flow(red);
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
    const state = publish('x');
    await flow(red);
    await pass(100);
    expect(counts).toEqual([1, 2]);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 2 });
  });

  test('ends with its caller’s patience: what comes later comes in vain', async () => {
    const { seen } = worker(b);
    await turn();
    const state = publish('x', { deadline: 500, ackTimeout: 300 });
    await flow(red);
    await pass(500);
    expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
    seen[0].done();
    await flow(red);
    await pass(10_000);
    expect(seen).toHaveLength(1);
    expect(a.bus.deadLetters.size).toBe(0);
  });

  test('whose ttl passes is expired, and no dead letter', async () => {
    b.bus.subscribe('t', () => {
      throw new Error('never');
    });
    await turn();
    const state = publish('x', { ttl: 150 });
    await flow(red);
    await pass(100);
    await pass(200);
    expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
    expect([a.bus.deadLetters.size, a.bus.counters.outcomes.expired]).toEqual([0, 1]);
  });

  test('an iterator processes it by asking for the next; leaving the loop does not', async () => {
    const subscription = b.bus.subscribe('t');
    await turn();
    const [one, two] = [publish(1), publish(2, { maxDeliveries: 1 })];
    await flow(red);
    const seen: unknown[] = [];
    for await (const { data } of subscription) {
      seen.push(data);
      await flow(red);
      if (data === 2) break;
    }
    await flow(red);
    expect(seen).toEqual([1, 2]);
    expect(one.receipt?.deliveries[0].outcome).toBe('processed');
    expect(two.error?.message).toContain('the subscription was closed');
  });
});

describe('an acknowledged message for a group', () => {
  test('goes to another member when one dies with it', async () => {
    const [first, second] = [worker(b, 'g'), worker(c, 'g')];
    await turn();
    const states = [publish(1), publish(2)];
    await flow(red);
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
    await mesh.kill(b);
    await flow(red);
    expect(second.marks()).toEqual([false, true]);
    for (const { done } of second.seen) done();
    await flow(red);
    const outcomes = states.map(({ receipt }) => receipt?.deliveries[0]);
    expect(outcomes).toMatchObject([
      { peerName: 'c', group: 'g', outcome: 'processed' },
      { peerName: 'c', group: 'g', outcome: 'processed' },
    ]);
    expect(outcomes.map((one) => one?.attempts).toSorted((x = 0, y = 0) => x - y)).toEqual([1, 2]);
  });

  test('waits for a member when the last one dies, and is a dead letter when none comes', async () => {
    worker(b, 'g');
    await turn();
    const states = [publish(1, { ackTimeout: 5000 }), publish(2, { ackTimeout: 9000 })];
    await flow(red);
    await mesh.kill(b);
    await pass(5000);
    expect(states[0].error?.message).toContain('no member of the group is left');
    const late = worker(c, 'g');
    await turn();
    await flow(red);
    expect(late.marks()).toEqual([true]);
    late.seen[0].done();
    await flow(red);
    expect(states[1].receipt?.deliveries[0]).toMatchObject({ peerName: 'c', outcome: 'processed', attempts: 2 });
    const again = a.bus.deadLetters.requeue(1);
    await flow(red);
    late.seen[1].done();
    await flow(red);
    expect((await again).deliveries[0]).toMatchObject({ group: 'g', outcome: 'processed' });
  });

  test('that waits for room at a stuck member goes to another in time, unmarked: nobody has seen it', async () => {
    const bytes = new Uint8Array(200_000);
    const stuck = worker(b, 'g');
    await turn();
    const options = { ackTimeout: 1000, maxDeliveries: 1 };
    publish(bytes, options);
    const state = publish(bytes, options);
    await flow(red);
    expect(stuck.seen).toHaveLength(1);
    const free = worker(c, 'g');
    await turn();
    await pass(1000);
    expect(free.marks()).toEqual([false]);
    free.seen[0].done();
    await flow(red);
    expect(state.receipt?.deliveries[0]).toMatchObject({ peerName: 'c', outcome: 'processed', attempts: 1 });
  });

  test('without a member when its ttl passes is expired', async () => {
    worker(b, 'g');
    await turn();
    const state = publish(1, { ttl: 500, ackTimeout: 1000 });
    await flow(red);
    await mesh.kill(b);
    await pass(1000);
    expect(state.error?.code).toBe('DEADLINE_EXCEEDED');
    expect(a.bus.deadLetters.size).toBe(0);
  });

  test('that waits in a member which closes goes to another at once; what its handler has begun stays', async () => {
    const seen: number[] = [];
    let finish = () => {};
    const subscription = b.bus.subscribe(
      't',
      ({ data }) => {
        seen.push(data as number);
        return new Promise<void>((done) => {
          finish = done;
        });
      },
      { group: 'g', concurrency: 1 },
    );
    await turn();
    const states = [publish(1), publish(2)];
    await flow(red);
    const other = worker(c, 'g');
    await turn();
    subscription.close();
    await flow(red);
    expect(seen).toEqual([1]);
    expect(other.seen.map(({ message: { data, redelivered } }) => [data, redelivered])).toEqual([[2, true]]);
    finish();
    other.seen[0].done();
    await flow(red);
    expect(states.map(({ receipt }) => receipt?.deliveries[0])).toMatchObject([
      { peerName: 'b', outcome: 'processed', attempts: 1 },
      { peerName: 'c', outcome: 'processed', attempts: 2 },
    ]);
  });

  test('is taken over by another member of the same bus, as the same attempt', async () => {
    let finish = () => {};
    const work = new Promise<void>((done) => {
      finish = done;
    });
    const slow = b.bus.subscribe('t', () => work, { group: 'g', concurrency: 1 });
    await turn();
    const first = publish(1);
    const state = publish(2);
    await flow(red);
    const marks: boolean[] = [];
    b.bus.subscribe('t', ({ redelivered }) => void marks.push(redelivered), { group: 'g' });
    slow.close();
    await flow(red);
    expect(marks).toEqual([false]);
    expect(state.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 1 });
    finish();
    await flow(red);
    expect(first.receipt?.deliveries[0]).toMatchObject({ outcome: 'processed', attempts: 1 });
  });
});
