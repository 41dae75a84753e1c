import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { output, scratchDirectory } from './spawned.ts';

function programWith(word: string): string {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const programs = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, program]) => program);
  return programs.find((program) => program.includes(word)) ?? '';
}

test('the program that shares memory runs and ends by itself', async () => {
  expect(await output(programWith('createSharedMemory'))).toBe('rung: 42');
});

test('the program that hands memory over runs and ends by itself', async () => {
  const path = join(await scratchDirectory(), 'example.sock');
  const program = programWith('openHandoverPoint').replaceAll('/tmp/example.sock', path);
  expect(await output(program)).toBe('handed over: 65536 bytes');
});
