import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { output } from './spawned.ts';

test('the program that shares memory runs and ends by itself', async () => {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const programs = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, program]) => program);
  const sharing = programs.find((program) => program.includes('createSharedMemory'));
  expect(await output(sharing ?? '')).toBe('rung: 42');
});
