import { assertTopic, BusError, type Qos, shown } from './contract/index.ts';
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

/** A request that is answered with many chunks, and at last with a result. */
export interface StreamContract<
  In = unknown,
  InParsed = In,
  Chunk = unknown,
  ChunkParsed = Chunk,
  Result = unknown,
  ResultParsed = Result,
> {
  readonly kind: 'stream';
  readonly name: string;
  readonly input: StandardSchema<In, InParsed> | undefined;
  readonly chunk: StandardSchema<Chunk, ChunkParsed> | undefined;
  readonly result: StandardSchema<Result, ResultParsed> | undefined;
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

/**
 * Declares a stream: `stream('llm.generate', { input: z.object({ prompt: z.string() }), chunk: z.string() })`. What the
 * handler returns at last is the `result`; without a schema for it, it is of any type.
 *
 * @throws BusError INVALID_TOPIC | INVALID_OPTION
 */
export function stream<In = unknown, Chunk = unknown, Result = unknown>(
  name: string,
): StreamContract<In, In, Chunk, Chunk, Result, Result>;
export function stream<
  I extends StandardSchema,
  C extends StandardSchema,
  R extends StandardSchema = StandardSchema<unknown>,
>(
  name: string,
  schemas: { input: I; chunk: C; result?: R },
  qos?: Qos,
): StreamContract<InputOf<I>, OutputOf<I>, InputOf<C>, OutputOf<C>, InputOf<R>, OutputOf<R>>;
export function stream(
  name: string,
  schemas: { input?: StandardSchema; chunk?: StandardSchema; result?: StandardSchema } = {},
  qos: Qos = {},
): StreamContract {
  assertTopic(name, 'stream()');
  for (const part of ['input', 'chunk', 'result'] as const) assertSchema(schemas[part], `stream('${name}').${part}`);
  const { input, chunk, result } = schemas;
  return Object.freeze({ kind: 'stream', name, input, chunk, result, qos: assertQos(qos, `stream('${name}')`) });
}

/** A contract of that kind or a plain name, for what takes no other. @throws BusError MISUSE */
export function assertKind(given: unknown, kind: 'call' | 'stream', where: string): void {
  if (typeof given !== 'object' || given === null || !('kind' in given) || given.kind === kind) return;
  const shownName = shown(nameOf(given));
  throw new BusError('MISUSE', `${shownName} is declared as ${shown(given.kind)}, not as a ${kind}`, {
    where,
    remedy: kind === 'call' ? 'use bus.open and bus.serveStream' : 'use bus.request and bus.serve',
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
