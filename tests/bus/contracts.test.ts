import { call, type StandardSchema, topic } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { errorsOf, expectBalanced, open, Peer, refusal, scratch } from './harness.ts';
import { record } from './recorder.mjs';

/** The smallest Standard Schema: an object with a number `px`; what it gives out has it doubled in `twice`. */
const tick: StandardSchema<{ px: number }, { px: number; twice: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const px = (value as { px?: unknown } | null)?.px;
      if (typeof px !== 'number') return { issues: [{ message: 'px must be a number', path: ['px'] }] };
      return { value: { px, twice: px * 2 } };
    },
  },
};

const asynchronous: StandardSchema<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value }) },
};

const refusing: StandardSchema<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'never' }] }) },
};

const Tick = topic('prices.tick', tick, { priority: 'high' });

describe('typed contracts', () => {
  test('values pass the schema where they leave and where they arrive, and the contract’s qos holds', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const other = await open({ directory });
    const heard = record(other, Tick);
    await heard.subscription.ready;
    await bus.publish(Tick, { px: 4 });
    const [message] = await heard.reach(1);
    expect(message).toMatchObject({ data: { px: 4, twice: 8 }, priority: 'high' });
  });

  test('a mismatch at the sender is SCHEMA_MISMATCH before anything is sent', async () => {
    const bus = await open({ directory: scratch() });
    const heard = record(bus, Tick);
    const wrong = { px: 'four' } as unknown as { px: number };
    for (const attempt of [() => bus.publish(Tick, wrong), () => bus.publisher(Tick).send(wrong)]) {
      const error = await refusal(attempt, 'SCHEMA_MISMATCH');
      expect(error.message).toContain('px: px must be a number');
      expect(error.where).toContain('prices.tick');
      expect(error.remedy).toBeTruthy();
      expect(error.data).toEqual([{ path: 'px: ', message: 'px must be a number' }]);
    }
    expect(heard.messages).toEqual([]);
    expect(bus.counters).toMatchObject({ published: 0, targets: 0 });
  });

  test('a mismatch at the receiver is told, counted, and costs the next message nothing', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const errors = errorsOf(bus);
    const heard = record(bus, Tick);
    const peer = await Peer.open({ name: 'rogue', directory });
    const sent = await peer.run(async ({ bus }) => {
      const receipts = [await bus.publish('prices.tick', { px: 'four' }), await bus.publish('prices.tick', { px: 4 })];
      return receipts.map(({ deliveries }) => deliveries[0]?.outcome);
    });
    expect(sent).toEqual(['delivered', 'delivered']);
    await heard.reach(1);
    expect(heard.data).toEqual([{ px: 4, twice: 8 }]);
    expect(errors.map(({ code }) => code)).toEqual(['SCHEMA_MISMATCH']);
    expect(errors[0]?.where).toContain('rogue');
    expect(bus.counters.invalid).toBe(1);
  });

  test('a call checks input and output at both ends', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const server = await open({ directory });
    const Review = call('review', { input: tick, output: tick });
    let handled = 0;
    const service = server.serve(Review, ({ px }) => {
      handled++;
      return px === 7 ? ({ px: 'seven' } as unknown as { px: number }) : { px: px + 1 };
    });
    await service.ready;
    expect(await bus.request(Review, { px: 1 })).toEqual({ px: 2, twice: 4 });
    await refusal(bus.request(Review, { px: 'x' } as unknown as { px: number }), 'SCHEMA_MISMATCH');
    expect(handled).toBe(1);
    // Around the asker's check: the server's own says no, and its handler never sees it.
    const input = await refusal(bus.request('review', { px: 'x' }), 'SCHEMA_MISMATCH');
    expect(input.message).toContain('input of review');
    expect(handled).toBe(1);
    const output = await refusal(bus.request(Review, { px: 7 }), 'SCHEMA_MISMATCH');
    expect(output.message).toContain('output of review');
    // Around the server's check: the asker's own says no.
    await server.serve('loose', () => ({ px: 'x' })).ready;
    const strict = call('loose', { input: tick, output: refusing });
    await refusal(bus.request(strict, { px: 1 }), 'SCHEMA_MISMATCH');
    expectBalanced(bus.counters);
  });

  test('an asynchronous schema is refused on either side', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const errors = errorsOf(bus);
    const Slow = topic('slow', asynchronous);
    const error = await refusal(bus.publish(Slow, 1), 'ASYNC_SCHEMA');
    expect(error.remedy).toBeTruthy();
    const heard = record(bus, Slow);
    await bus.publish('slow', 1);
    expect(heard.messages).toEqual([]);
    expect(errors.map(({ code }) => code)).toEqual(['ASYNC_SCHEMA']);
    bus.serve(call('slow', { input: asynchronous, output: tick }), () => ({ px: 1 }));
    await refusal(bus.request('slow', 1), 'ASYNC_SCHEMA');
  });

  test('a schema that throws is a mismatch, not a crash', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const throwing: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw new Error('broken schema');
        },
      },
    };
    const errors = errorsOf(bus);
    const heard = record(bus, topic('t', throwing));
    await bus.publish('t', 1);
    expect(heard.messages).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(bus.counters.invalid).toBe(1);
    await expect(bus.publish(topic('t', throwing), 1)).rejects.toThrow('broken schema');
  });

  test('what is no schema, topic or priority is refused where it is declared', async () => {
    await refusal(() => topic('no spaces'), 'INVALID_TOPIC');
    await refusal(() => topic('wild.*'), 'INVALID_TOPIC');
    await refusal(() => topic('t', { parse() {} } as unknown as StandardSchema), 'INVALID_OPTION');
    await refusal(() => topic('t', undefined, { priority: 'urgent' as 'high' }), 'INVALID_OPTION');
    await refusal(() => call('c', { input: 1 as unknown as StandardSchema, output: tick }), 'INVALID_OPTION');
  });
});
