import path from 'node:path';
import { expect, test } from 'vitest';
import { Program, Scratch } from './program.ts';

test('agents wired by the container talk over memory, and the process ends by itself', async () => {
  using scratch = new Scratch();
  using app = new Program('node', ['examples/di-app/dist/main.js'], {
    cwd: path.resolve(import.meta.dirname, '../..'),
    runtimeDirectory: scratch.folder,
  });
  expect(await app.ended).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    stdout: `trader: ACME 10 via memory
trader: ACME 11 via memory
trader: ACME 15 via memory
market: the trader holds ACME at 12 after 3 ticks
`,
  });
});
