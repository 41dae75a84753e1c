/* oxlint-disable unicorn/no-thenable -- thenables are what is tested */
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { type CallContract, call, type TopicContract, topic } from '../src/contracts.ts';
import { type StandardSchema, validate } from '../src/standard-schema.ts';

const Tick = z.object({ sym: z.string(), px: z.coerce.number<string>() });
const invalid = expect.objectContaining({ code: 'INVALID_OPTION' });

/** A schema without a library. */
function schema(check: (value: unknown) => unknown): StandardSchema {
  return { '~standard': { version: 1, vendor: 'test', validate: check as never } };
}

describe('topic and call', () => {
  test('carry name, schema and qos, and cannot be changed', () => {
    const contract = topic('prices.tick', Tick, { priority: 'critical' });
    expect(contract).toEqual({ kind: 'topic', name: 'prices.tick', schema: Tick, qos: { priority: 'critical' } });
    const review = call('agent.review', { input: Tick, output: z.boolean() });
    expect([review.kind, review.input, review.qos]).toEqual(['call', Tick, {}]);
    for (const one of [contract, review]) expect(Object.isFrozen(one)).toBe(true);
  });

  test('know what goes in and what comes out', () => {
    const contract = topic('prices.tick', Tick);
    expectTypeOf(contract).toExtend<TopicContract<{ sym: string; px: string }, { sym: string; px: number }>>();
    const review = call('agent.review', { input: z.string(), output: z.number() });
    expectTypeOf(review).toExtend<CallContract<string, string, number, number>>();
  });

  test('bad names, schemas and qos are refused where they are declared', () => {
    expect(() => topic('a.*')).toThrow(expect.objectContaining({ code: 'INVALID_TOPIC' }));
    expect(() => call('')).toThrow(expect.objectContaining({ code: 'INVALID_TOPIC' }));
    expect(() => topic('a', undefined, { priority: 'soon' as never })).toThrow(invalid);
    for (const bad of [
      {},
      null,
      'zod',
      { '~standard': { version: 2, validate() {} } },
      { '~standard': { version: 1 } },
    ]) {
      expect(() => topic('a', bad as never)).toThrow(invalid);
      expect(() => call('a', { input: bad as never, output: Tick })).toThrow(invalid);
    }
  });

  test('a schema may be a function (arktype)', () => {
    const callable = Object.assign(
      () => {},
      schema((value) => ({ value })),
    );
    expect(topic('a', callable).schema).toBe(callable);
  });
});

describe('validate', () => {
  test('gives what the schema makes of the value', () => {
    expect(validate(Tick, { sym: 'X', px: '1.5' }, 'here')).toEqual({ sym: 'X', px: 1.5 });
    expect(
      validate(
        schema(() => ({ value: undefined })),
        1,
        'here',
      ),
    ).toBeUndefined();
  });

  test('says what is wrong, where, with the issues as data', () => {
    expect(() => validate(z.object({ a: z.object({ b: z.string() }) }), { a: { b: 1 } }, 'message t')).toThrow(
      expect.objectContaining({
        code: 'SCHEMA_MISMATCH',
        where: 'message t',
        data: [expect.objectContaining({ path: expect.stringContaining('a.b') })],
      }),
    );
    const issues = [{ message: 'top' }, { message: 'deep', path: ['x', { key: 0 }, Symbol('s')] }];
    expect(() =>
      validate(
        schema(() => ({ issues })),
        1,
        'here',
      ),
    ).toThrow(/top; x\.0\.Symbol\(s\): deep/);
  });

  test.each([
    ['a promise', () => Promise.resolve({ value: 1 })],
    ['a promise that rejects', () => Promise.reject(new Error('late'))],
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    ['a thenable', () => ({ then: (resolve: (result: unknown) => void) => resolve({ value: 1 }) })],
  ])('%s is refused: a flow cannot wait for it', async (_, check) => {
    expect(() => validate(schema(check), 1, 'here')).toThrow(expect.objectContaining({ code: 'ASYNC_SCHEMA' }));
    // Nothing of it is left unhandled.
    await new Promise(setImmediate);
  });

  test('an asynchronous zod schema is refused', () => {
    const late = z.string().refine(async () => true);
    expect(() => validate(late, 'x', 'here')).toThrow(expect.objectContaining({ code: 'ASYNC_SCHEMA' }));
  });
});
