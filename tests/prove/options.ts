import { parseArgs } from 'node:util';
import type { ProveCampaign } from './campaign.ts';

export interface Options {
  readonly campaigns: readonly ProveCampaign[];
  readonly full: boolean;
  readonly count: number | undefined;
  readonly seed: number;
  readonly json: string | undefined;
}

export const USAGE = 'npm run prove -- [NAME...] [--full | --count N] [--seed S] [--json FILE]';

/** A name stands for the campaigns it begins: `uds` for all of uds. @throws Error naming what is wrong */
export function readOptions(args: readonly string[], all: readonly ProveCampaign[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      full: { type: 'boolean', default: false },
      count: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const means = (name: string, { name: campaign }: ProveCampaign): boolean =>
    campaign === name || campaign.startsWith(`${name}/`);
  for (const name of positionals) {
    if (all.some((campaign) => means(name, campaign))) continue;
    throw new Error(`no campaign ${name}; there are ${all.map((campaign) => campaign.name).join(', ')}`);
  }
  if (values.full && values.count !== undefined) throw new Error('--full and --count exclude each other');
  return {
    campaigns: all.filter((campaign) => positionals.length === 0 || positionals.some((name) => means(name, campaign))),
    full: values.full,
    count: number('--count', values.count, 1),
    seed: number('--seed', values.seed, 0) ?? Math.floor(Math.random() * 0x7fff_ffff),
    json: values.json,
  };
}

function number(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`${option} ${text} is not a whole number from ${least}`);
}
