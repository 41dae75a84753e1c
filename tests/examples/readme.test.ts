import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Program, Scratch } from './program.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

// The first program of each page, as a reader would paste it, and what it prints.
const PAGES = {
  'README.md': `greet.world via local: hello\n[ 'hello: delivered' ]\n5\n`,
  'packages/core/README.md': `{ sym: 'X', px: 1 } high local
{ sym: 'X', px: 2 } high local
{ sym: 'X', px: 3 } high local
{ delivered: 3, failed: [] }
`,
  'docs/advice.md': `uds (@busbar/transport-uds): 5 us one way is less than uds is sure to keep, 10 us at best \
(a usual figure, not measured here); uds takes 1 us at best (a usual figure, not measured here)
or shm (@busbar/transport-shm): shm takes 0.1 us at best (a usual figure, not measured here)
`,
};

test.each(Object.entries(PAGES))('the lines in %s run and end by themselves', async (page, stdout) => {
  const [, program] = /```js\n([\s\S]*?)```/.exec(readFileSync(path.join(ROOT, page), 'utf8')) ?? [];
  await expectOutput(program, stdout);
});

// Programs that stand before what they print.
const CORE = readFileSync(path.join(ROOT, 'packages/core/README.md'), 'utf8');
const SHOWN = CORE.split('\n## ').flatMap((section) => {
  const [, program, stdout] = /```js\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(section) ?? [];
  return program === undefined ? [] : [[section.slice(0, section.indexOf('\n')), program, stdout]];
});

test.each(SHOWN)('what packages/core/README.md shows under "%s" is printed', async (_, program, stdout) => {
  await expectOutput(program, stdout);
});

async function expectOutput(program: string, stdout: string): Promise<void> {
  using scratch = new Scratch();
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(scratch.folder, 'node_modules'));
  writeFileSync(path.join(scratch.folder, 'page.mjs'), program);
  using run = new Program('node', ['page.mjs'], {
    cwd: scratch.folder,
    runtimeDirectory: path.join(scratch.folder, 'run'),
  });
  expect(await run.ended).toEqual({ code: 0, signal: null, stderr: '', stdout });
}
