import { BusError } from './contract/index.ts';
import { isThenable } from './thenable.ts';

/**
 * The part of Standard Schema v1 that the bus uses, so that zod, valibot, arktype and others fit without a dependency.
 * Source: https://standardschema.dev
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<SchemaIssue> };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** What a sender passes for a schema, and what a receiver gets. */
export type InputOf<S> = S extends StandardSchema<infer Input, infer _Output> ? Input : never;
export type OutputOf<S> = S extends StandardSchema<infer _Input, infer Output> ? Output : never;

/**
 * The validated value.
 * @throws BusError SCHEMA_MISMATCH with the issues as `data`; ASYNC_SCHEMA for a schema that answers with a promise.
 */
export function validate(schema: StandardSchema, value: unknown, where: string): unknown {
  const result = schema['~standard'].validate(value);
  if (isThenable(result)) {
    Promise.resolve(result).catch(() => {});
    throw new BusError('ASYNC_SCHEMA', 'the schema validates asynchronously', {
      where,
      remedy: 'use a synchronous schema; the bus cannot hold up a flow for a promise',
    });
  }
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => `${pathOf(issue)}${issue.message}`).join('; ');
  throw new BusError('SCHEMA_MISMATCH', issues, {
    where,
    remedy: 'send what the contract of this topic says',
    data: result.issues.map((issue) => ({ path: pathOf(issue), message: issue.message })),
  });
}

function pathOf(issue: SchemaIssue): string {
  if (issue.path === undefined || issue.path.length === 0) return '';
  return `${issue.path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: `;
}
