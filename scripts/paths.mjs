import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this clone. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** The script of a tool's command line, run with the Node at hand: no shell, no .bin shim. */
export const TOOLS = {
  attw: 'node_modules/@arethetypeswrong/cli/dist/index.js',
  biome: 'node_modules/@biomejs/biome/bin/biome',
  knip: 'node_modules/knip/bin/knip.js',
  oxlint: 'node_modules/oxlint/bin/oxlint',
  publint: 'node_modules/publint/src/cli.js',
  tsc: 'node_modules/typescript/bin/tsc',
  vitest: 'node_modules/vitest/vitest.mjs',
};
