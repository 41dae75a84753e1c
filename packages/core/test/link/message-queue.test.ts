import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocateFrameBuffer } from '../../src/contract/index.ts';
import { MessageQueue, OutMessage, OutMessagePool } from '../../src/link/out-message.ts';

const command = fc.oneof(fc.constant('push' as const), fc.constant('shift' as const), fc.integer({ min: 0, max: 4 }));

describe('MessageQueue', () => {
  test('agrees with an array through push, shift and prepend', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 50 }), (commands) => {
        const queue = new MessageQueue();
        let list: OutMessage[] = [];
        for (const one of commands) {
          if (one === 'push') {
            const message = new OutMessage();
            queue.push(message);
            list.push(message);
          } else if (one === 'shift') expect(queue.shift()).toBe(list.shift());
          else {
            const messages = Array.from({ length: one }, () => new OutMessage());
            queue.prepend(messages);
            list = [...messages, ...list];
          }
          expect([queue.first, queue.length]).toEqual([list[0], list.length]);
        }
        expect([...queue]).toEqual(list);
      }),
    );
  });
});

describe('OutMessagePool', () => {
  test('a message given back comes again with nothing of its past', () => {
    const pool = new OutMessagePool();
    const message = pool.take();
    Object.assign(message, {
      sequence: 5,
      written: 10,
      cost: 7,
      payload: allocateFrameBuffer(8),
      size: 3,
      headers: new Uint8Array(1),
      value: {},
      byReference: true,
      via: 'uds',
      carriedBy: 'uds',
      done: true,
      settlement: { opened() {}, settled() {} },
    });
    pool.give(message);
    const again = pool.take();
    expect(again).toBe(message);
    const fresh = new OutMessage();
    for (const field of [
      'sequence',
      'written',
      'cost',
      'headers',
      'value',
      'byReference',
      'via',
      'carriedBy',
      'done',
      'settlement',
      'route',
      'next',
    ] as const)
      expect(again[field], field).toEqual(fresh[field]);
    expect(again.size).toBe(0);
  });

  test('messages in use are all different', () => {
    const pool = new OutMessagePool();
    const first = Array.from({ length: 10 }, () => pool.take());
    for (const message of first) pool.give(message);
    const second = Array.from({ length: 20 }, () => pool.take());
    expect(new Set(second).size).toBe(20);
  });
});
