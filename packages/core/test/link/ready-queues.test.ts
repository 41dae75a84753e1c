import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { OutMessage } from '../../src/link/out-message.ts';
import { ReadyQueues } from '../../src/link/ready-queues.ts';
import { Fabric } from '../support/fabric.ts';
import { flow } from '../support/flow.ts';
import { Pair, turn } from '../support/pair.ts';

const SHARE = 1 / 16;
const TURN = 65_536;

function message(priority: number, size: number): OutMessage {
  return Object.assign(new OutMessage(), { priority, size });
}

describe('ReadyQueues', () => {
  test('the most urgent goes first, each class in its order', () => {
    const queues = new ReadyQueues(SHARE);
    const sent = [3, 0, 2, 0, 4, 1].map((priority) => message(priority, 100));
    for (const one of sent) queues.push(one);
    const taken: OutMessage[] = [];
    for (let next = queues.turn(0); next >= 0; next = queues.turn(0)) taken.push(queues.shift(next) as OutMessage);
    expect(taken).toEqual([1, 3, 5, 2, 0, 4].map((index) => sent[index]));
    expect(queues.count).toBe(0);
  });

  test('a class that is blocked lets the others go', () => {
    const queues = new ReadyQueues(SHARE);
    for (const priority of [1, 2]) queues.push(message(priority, 100));
    expect([queues.turn(0), queues.turn(0b10), queues.turn(0b110)]).toEqual([1, 2, -1]);
  });

  test('whatever waits gets its share, and what is urgent the rest', () => {
    const size = fc.integer({ min: 0, max: 300_000 });
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1 }),
        fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }),
        (sizes, classes) => {
          const queues = new ReadyQueues(SHARE);
          const wrote = [0, 0, 0, 0, 0];
          let next = 0;
          let total = 0;
          for (const priority of classes) queues.push(message(priority, sizes[next++ % sizes.length]));
          for (let i = 0; i < 3000; i++) {
            const priority = queues.turn(0);
            const bytes = queues.shift(priority)?.size as number;
            queues.push(message(priority, sizes[next++ % sizes.length]));
            queues.wrote(priority, bytes);
            wrote[priority] += bytes;
            total += bytes;
          }
          // Earned from what is written above it, a turn at a time.
          const [urgent, ...waiting] = classes;
          for (const low of waiting) expect(wrote[low]).toBeGreaterThanOrEqual(SHARE * wrote[urgent] - TURN - 300_000);
          expect(wrote[urgent]).toBeGreaterThanOrEqual(
            total * (1 - 4 * SHARE) - waiting.length * (TURN + 300_000) - TURN,
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('nothing is earned while nothing waits', () => {
    const queues = new ReadyQueues(SHARE);
    for (let i = 0; i < 100; i++) queues.wrote(0, 1_000_000);
    queues.push(message(4, 100));
    queues.push(message(0, 100));
    expect(queues.turn(0)).toBe(0);
  });
});

describe('on a link', () => {
  let pair: Pair;
  afterEach(() => pair.close());

  test('batch moves while urgent messages never end', async () => {
    const red = new Fabric('red', { bufferBytes: 65_536 });
    pair = await Pair.create([red], { limits: { topicCredit: 1_000_000 } });
    const { a, b } = pair;
    const received: string[] = [];
    b.bus.subscribe('t.>', ({ priority }) => {
      received.push(priority);
      // As long as batch is not through, the flood goes on.
      if (priority === 'high' && received.length < 5000) void a.bus.publish('t.high', flood, { priority: 'high' });
    });
    await turn();
    const flood = new Uint8Array(1000);
    for (let i = 0; i < 100; i++) void a.bus.publish('t.high', flood, { priority: 'high' });
    for (let i = 0; i < 20; i++) void a.bus.publish('t.batch', flood, { priority: 'batch' });
    for (let i = 0; i < 500 && received.filter((priority) => priority === 'batch').length < 20; i++) await flow(red);
    const lastBatch = received.lastIndexOf('batch');
    expect(received.filter((priority) => priority === 'batch')).toHaveLength(20);
    // Its share of one in sixteen, and no more than that while high waits.
    expect(lastBatch).toBeGreaterThan(20 * 8);
    expect(lastBatch).toBeLessThan(20 * 32);
  });
});
