import { assertTopic, BusError, type Qos } from './contract/index.ts';
import { assertQos } from './qos.ts';
import type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts';

/** A topic with a type and, if wanted, a schema and its usual qos. Plain strings work wherever one is taken. */
export interface TopicContract<Input = unknown, Output = Input> {
  readonly kind: 'topic';
  readonly name: string;
  readonly schema: StandardSchema<Input, Output> | undefined;
  readonly qos: Qos;
}

/** A request and its answer. */
export interface CallContract<In = unknown, InParsed = In, Out = unknown, OutParsed = Out> {
  readonly kind: 'call';
  readonly name: string;
  readonly input: StandardSchema<In, InParsed> | undefined;
  readonly output: StandardSchema<Out, OutParsed> | undefined;
  readonly qos: Qos;
}

/**
 * Declares a topic: `topic('prices.tick', z.object({ px: z.number() }), { priority: 'critical' })`.
 * Values are validated where they are published and again where they are received.
 *
 * @throws BusError INVALID_TOPIC | INVALID_OPTION
 */
export function topic<T = unknown>(name: string, schema?: undefined, qos?: Qos): TopicContract<T>;
export function topic<S extends StandardSchema>(
  name: string,
  schema: S,
  qos?: Qos,
): TopicContract<InputOf<S>, OutputOf<S>>;
export function topic(name: string, schema?: StandardSchema, qos: Qos = {}): TopicContract {
  assertTopic(name, 'topic()');
  assertSchema(schema, `topic('${name}')`);
  return Object.freeze({ kind: 'topic', name, schema, qos: assertQos(qos, `topic('${name}')`) });
}

/**
 * Declares a call: `call('agent.review', { input: z.object({ diff: z.string() }), output: z.object({ ok: z.boolean() }) })`.
 *
 * @throws BusError INVALID_TOPIC | INVALID_OPTION
 */
export function call<In = unknown, Out = unknown>(name: string): CallContract<In, In, Out, Out>;
export function call<I extends StandardSchema, O extends StandardSchema>(
  name: string,
  schemas: { input: I; output: O },
  qos?: Qos,
): CallContract<InputOf<I>, OutputOf<I>, InputOf<O>, OutputOf<O>>;
export function call(
  name: string,
  schemas: { input?: StandardSchema; output?: StandardSchema } = {},
  qos: Qos = {},
): CallContract {
  assertTopic(name, 'call()');
  assertSchema(schemas.input, `call('${name}').input`);
  assertSchema(schemas.output, `call('${name}').output`);
  return Object.freeze({
    kind: 'call',
    name,
    input: schemas.input,
    output: schemas.output,
    qos: assertQos(qos, `call('${name}')`),
  });
}

/** The name of a contract, or what was given in its place: the checks say what is wrong with it. */
export function nameOf(given: unknown): unknown {
  return typeof given === 'object' && given !== null && 'name' in given ? given.name : given;
}

function assertSchema(schema: unknown, where: string): void {
  if (schema === undefined) return;
  const standard = (schema as { '~standard'?: { version?: unknown; validate?: unknown } } | null)?.['~standard'];
  if (standard?.version === 1 && typeof standard.validate === 'function') return;
  throw new BusError('INVALID_OPTION', 'the schema does not implement Standard Schema v1', {
    where,
    remedy: 'use zod 4, valibot 1, arktype 2 or another Standard Schema library',
  });
}
