import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BACK_PRESSURED, OK } from '@busbar/core/contract';
import { available } from '@busbar/native';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { NOTHING } from '../src/index.ts';
import { files, range, read, readAll, scratch, write } from './scratch.ts';

const WRITER = fileURLToPath(new URL('./peers/writer.mjs', import.meta.url));

interface Report {
  readonly result?: number;
  readonly last?: number;
  readonly trouble?: { readonly code: string; readonly remedy: string };
  readonly thrown?: { readonly code: string; readonly where: string };
}

let directory: string;
let child: ChildProcess;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

beforeEach(async () => {
  directory = path.join(scratch(), 'audit');
  child = fork(WRITER, [directory]);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
});

/** The most bytes that a file of the writer may have: the kernel's own refusal, as of a disk that is full. */
function limitFiles(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:`]);
}

async function append(count: number): Promise<Report> {
  child.send(count);
  const [report] = (await once(child, 'message')) as [Report];
  return report;
}

test('no room for the next segment: what is committed stays, the reason is told, and it goes on when there is room', async () => {
  expect(await append(1)).toMatchObject({ result: OK, last: 1 });
  limitFiles(4096);
  // The segment is filled to its end all the same.
  const full = await append(1000);
  expect(full).toMatchObject({ result: BACK_PRESSURED, trouble: { code: 'RESOURCE_EXHAUSTED' } });
  expect(full.last).toBe(Math.floor((65_536 - 4096 - 8) / 1032));
  expect(await append(1)).toEqual(full);
  expect(files(directory).filter((name) => name !== 'lock')).toHaveLength(1);
  expect(readAll(read(directory))).toEqual({ sequences: range(1, full.last as number), wrong: [], end: NOTHING });
  limitFiles('unlimited');
  const more = await append(200);
  expect(more).toEqual({ result: OK, last: (full.last as number) + 200 });
  expect(readAll(read(directory))).toEqual({ sequences: range(1, more.last as number), wrong: [], end: NOTHING });
});

test('no room for the first segment: a typed error, nothing is left, and the lock is free', async () => {
  limitFiles(4096);
  expect(await append(1)).toEqual({
    thrown: { code: 'RESOURCE_EXHAUSTED', where: path.join(directory, 'next-1.tmp') },
  });
  expect(files(directory)).toEqual(['lock']);
  const writer = write(directory);
  expect(writer.last).toBe(0);
});
