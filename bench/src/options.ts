import { parseArgs } from 'node:util';
import type { RowSpec } from './row.ts';

export interface Options {
  readonly quick: boolean;
  readonly rows: readonly RowSpec[];
  /** Rows that `--quick` left out. */
  readonly leftOut: readonly RowSpec[];
  readonly against: string | undefined;
  readonly json: string | undefined;
}

export const USAGE = 'npm run bench -- [--quick] [--only NAME,...] [--against REF] [--json FILE]';

/** @throws Error naming what is wrong with the command line */
export function readOptions(args: readonly string[], all: readonly RowSpec[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      against: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const only = values.only?.split(',').map((name) => name.trim());
  const unknown = only?.filter((name) => !all.some((row) => row.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`no row ${unknown.join(', ')}; there are ${all.map((row) => row.name).join(', ')}`);
  }
  const asked = only === undefined ? all : all.filter((row) => only.includes(row.name));
  const leftOut = values.quick && only === undefined ? asked.filter((row) => row.slow === true) : [];
  const rows = asked.filter((row) => !leftOut.includes(row));
  return { quick: values.quick, rows, leftOut, against: values.against, json: values.json };
}
