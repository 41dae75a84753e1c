import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT } from '../paths.mjs';

// Inside the clone, so that the runs under test resolve vitest; ignored by git and by every other run.
const folder = path.join(ROOT, 'node_modules/.cache/counts-test');
const script = `import { closingLine, runTests } from ${JSON.stringify(path.join(ROOT, 'scripts/run-tests.mjs'))};
const result = await runTests(['--config', 'none.config.mjs', ...process.argv.slice(1)]);
console.log(closingLine(result));
process.exitCode = result.code;`;

beforeAll(() => fs.mkdirSync(folder, { recursive: true }));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Runs one test file as `npm test` would; answers its closing line and exit code. */
function closing(name, text, { ci = '' } = {}) {
  const own = path.join(folder, name);
  fs.mkdirSync(own);
  fs.writeFileSync(path.join(own, 'a.test.mjs'), `import { beforeAll, describe, expect, it } from 'vitest';\n${text}`);
  const config = path.join(own, 'vitest.config.mjs');
  fs.writeFileSync(
    config,
    `export default { test: { dir: ${JSON.stringify(own)}, exclude: [], include: ['**/*.test.mjs'] } };`,
  );
  const source = script.replace('none.config.mjs', config);
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, CI: ci },
  });
  return { line: stdout.trimEnd().split('\n').at(-1), status, stdout };
}

it('counts passes, failures and skips, and says why a test was skipped', () => {
  const { line, status, stdout } = closing(
    'counts',
    `it('a', () => {});
     it('b', () => expect(1).toBe(2));
     it('c', (ctx) => ctx.skip('this kernel lacks it'));`,
  );
  expect(line).toBe('1 passed, 1 failed, 1 skipped');
  expect(status).toBe(1);
  expect(stdout).toContain('c: this kernel lacks it');
});

it.each([
  ['a file that cannot be loaded', "throw new Error('load');", '0 passed, 1 failed, 0 skipped'],
  ['an empty run', "it.skip('a', () => {});", '0 passed, 1 failed, 1 skipped'],
  [
    'a rejection nobody handles',
    "it('a', () => void Promise.reject(new Error('loose')));",
    '1 passed, 1 failed, 0 skipped',
  ],
  [
    'a hook that throws',
    "describe('s', () => { beforeAll(() => { throw new Error('hook'); }); it('a', () => {}); });",
    '0 passed, 1 failed, 1 skipped',
  ],
])('%s fails the run', (name, text, line) => {
  expect(closing(name.replaceAll(' ', '-'), text)).toMatchObject({ line, status: 1 });
});

it('in CI a skip that nobody listed fails the run', () => {
  const text = "it('a', () => {}); it('b', (ctx) => ctx.skip('odd'));";
  expect(closing('at-home', text)).toMatchObject({ line: '1 passed, 0 failed, 1 skipped', status: 0 });
  expect(closing('in-ci', text, { ci: 'true' })).toMatchObject({ line: '1 passed, 1 failed, 1 skipped', status: 1 });
});
