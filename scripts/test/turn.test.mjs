import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { takePidFile, takeTurn } from '../turn.mjs';

let folder;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'busbar-turn-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** A script that fails when it finds another run of itself under way. */
function exclusiveScript() {
  const script = path.join(folder, 'exclusive.mjs');
  const mark = path.join(folder, 'under-way');
  const text = `import fs from 'node:fs';
fs.writeFileSync(${JSON.stringify(mark)}, '', { flag: 'wx' });
await new Promise((resolve) => setTimeout(resolve, 300));
fs.rmSync(${JSON.stringify(mark)});`;
  fs.writeFileSync(script, text);
  return script;
}

it('two at once take turns', async () => {
  const script = exclusiveScript();
  const lock = path.join(folder, 'lock');
  expect(await Promise.all([takeTurn(lock, script, []), takeTurn(lock, script, [])])).toEqual([0, 0]);
});

it('the script that failed gives its turn back with its exit code', async () => {
  const script = path.join(folder, 'fails.mjs');
  fs.writeFileSync(script, 'process.exit(3);');
  const lock = path.join(folder, 'lock');
  expect(await takeTurn(lock, script, [])).toBe(3);
  expect(await takeTurn(lock, script, [])).toBe(3);
});

it('without flock, the lock of a holder killed by -9 is taken over', async () => {
  const lock = path.join(folder, 'lock.pid');
  const source = `import { takePidFile } from ${JSON.stringify(new URL('../turn.mjs', import.meta.url).href)};
await takePidFile(${JSON.stringify(lock)});
console.log('held');
setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');

  let taken = false;
  const turn = takePidFile(lock).then((release) => {
    taken = true;
    return release;
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(taken).toBe(false);

  holder.kill('SIGKILL');
  (await turn)();
  expect(fs.readdirSync(folder)).toEqual([]);
});
