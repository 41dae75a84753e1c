import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

function participant(directory: string, name: string): ChildProcess {
  const child = fork(new URL('peers/hidden-bus.mjs', import.meta.url), [directory, name]);
  onTestFinished(() => killed(child));
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

test('two processes that /proc shows nothing of each other share rings, and what is lent goes by value', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'shm-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const echo = participant(directory, 'echo');
  const [descriptor] = (await once(echo, 'message')) as [number];
  for (const name of ['first', 'second']) {
    const asker = participant(directory, name);
    await once(asker, 'message');
    const heard = once(echo, 'message');
    const told = once(asker, 'message');
    asker.send({ pid: echo.pid, descriptor });
    expect(await told).toEqual([{ hidden: true, twice: 42 }, undefined]);
    expect(await heard).toEqual([{ via: 'shm', bytes: 500_000, last: 7 }, undefined]);
    // The next one comes where one was killed.
    await killed(asker);
    expect(readdirSync(directory, { recursive: true }).filter((file) => String(file).endsWith('.fds'))).toEqual([]);
  }
});
