import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

/** A process that runs `peers/<name>.mjs` and is gone when the test ends. */
export function spawnPeer(name: string, argument = ''): ChildProcess {
  const child = fork(new URL(`peers/${name}.mjs`, import.meta.url), [argument]);
  onTestFinished(() => killed(child));
  return child;
}

export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

export async function scratchDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'native-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** What a fresh Node prints that runs `script` beside this file, with `gc`; rejects unless it ends with exit code 0. */
export async function output(script: string): Promise<string> {
  const arguments_ = ['--expose-gc', '--input-type=module', '-e', script];
  const running = promisify(execFile)(process.execPath, arguments_, { cwd: import.meta.dirname });
  onTestFinished(() => killed(running.child));
  return (await running).stdout.trim();
}
