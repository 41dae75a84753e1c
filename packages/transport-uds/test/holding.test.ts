import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { scratchDirectory } from './contexts.ts';

test('an open transport, inbox and sender do not hold their process', async () => {
  const peer = fileURLToPath(new URL('peers/unheld.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [peer, await scratchDirectory()]);
  expect(stdout).toBe('frame of 40 bytes\n');
});
