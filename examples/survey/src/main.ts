import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { isRole, ROLES, type Role } from './crew-list.ts';
import { describeResult } from './findings.ts';
import { survey } from './orchestrator.ts';
import { progressOn, silent } from './progress.ts';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const USAGE = `usage: survey [DIR] [--kill ROLE] [--json]

Surveys the files under DIR (default: this repository) with six agent processes.

  --kill ROLE  kill that agent in the middle: ${ROLES.join(', ')}
  --json       print the result as JSON, and nothing else
  --help       print this
`;

const OPTIONS = {
  allowPositionals: true,
  options: { kill: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
} as const satisfies ParseArgsConfig;

interface Arguments {
  readonly root: string;
  readonly kill: Role | undefined;
  readonly json: boolean;
}

/** @throws Error when the command line asks for something that does not exist. */
async function argumentsOf({ values, positionals }: ReturnType<typeof parse>): Promise<Arguments> {
  if (positionals.length > 1) throw new Error(`one directory at a time, not ${positionals.length}`);
  const { kill, json = false } = values;
  if (kill !== undefined && !isRole(kill)) throw new Error(`no role '${kill}': use one of ${ROLES.join(', ')}`);
  const root = resolve(positionals[0] ?? REPOSITORY);
  const found = await stat(root).catch(() => undefined);
  if (found === undefined) throw new Error(`${root} does not exist`);
  if (!found.isDirectory()) throw new Error(`${root} is not a directory`);
  return { root, kill, json };
}

function parse() {
  return parseArgs(OPTIONS);
}

/** Runs one survey in a bus directory of its own, and answers the exit code. */
async function main({ root, kill, json }: Arguments): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'survey-'));
  const interrupted = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => interrupted.abort(signal);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const progress = json ? silent : progressOn(process.stdout);
  if (!json) process.stdout.write(`Survey of ${root}\n`);
  try {
    const result = await survey({ root, directory, kill, progress, signal: interrupted.signal });
    progress.close();
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : `\n${describeResult(result).join('\n')}\n`);
    return 0;
  } catch (error) {
    progress.close();
    const { aborted, reason } = interrupted.signal;
    process.stderr.write(`survey: ${aborted ? `ended by ${reason}` : (error as Error).message}\n`);
    return aborted ? (reason === 'SIGINT' ? 130 : 143) : EXIT_FAILED;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await rm(directory, { recursive: true, force: true });
  }
}

try {
  const parsed = parse();
  if (parsed.values.help === true) process.stdout.write(USAGE);
  else process.exitCode = await main(await argumentsOf(parsed));
} catch (error) {
  process.stderr.write(`survey: ${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
