import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Program, Scratch } from './program.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const EXAMPLE = path.join(ROOT, 'examples/two-processes/dist');

test('a fresh app with only the packed core and uds, no native code, runs the two processes', async () => {
  using scratch = new Scratch();
  const archives = await pack(scratch, '@busbar/core', '@busbar/transport-uds');
  const app = path.join(scratch.folder, 'app');
  mkdirSync(app);
  writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true }\n');
  await npm(scratch, app, 'install', '--no-audit', '--no-fund', ...archives);
  const installed = readdirSync(path.join(app, 'node_modules'));
  expect(readdirSync(path.join(app, 'node_modules/@busbar')).sort()).toEqual(['core', 'transport-uds']);
  expect(installed).not.toContain('koffi');
  expect(installed).not.toContain('tsyringe');

  // The entries for containers, tests and advice load without a container or a test runner.
  using entries = new Program(
    'node',
    [
      '--input-type=module',
      '-e',
      "import '@busbar/core/di'; import '@busbar/core/testing'; import '@busbar/core/advice';",
    ],
    { cwd: app, runtimeDirectory: scratch.folder },
  );
  expect(await entries.ended).toMatchObject({ code: 0, stderr: '' });

  // Plain JavaScript modules of an app without "type": "module".
  for (const name of ['contracts', 'reviewer', 'asker']) {
    const source = readFileSync(path.join(EXAMPLE, `${name}.js`), 'utf8');
    writeFileSync(path.join(app, `${name}.mjs`), source.replace("'./contracts.js'", "'./contracts.mjs'"));
  }
  using reviewer = program('reviewer', app, scratch);
  await reviewer.printed('ready');
  using asker = program('asker', app, scratch);
  expect(await asker.ended).toMatchObject({ code: 0, stderr: '' });
  reviewer.signal('SIGTERM');
  expect(await reviewer.ended).toMatchObject({ signal: 'SIGTERM', stderr: '' });
});

const program = (name: string, cwd: string, scratch: Scratch): Program =>
  new Program('node', [`${name}.mjs`], { cwd, runtimeDirectory: path.join(scratch.folder, 'run') });

/** The archives that `npm publish` would send, as `file:` paths. */
async function pack(scratch: Scratch, ...packages: string[]): Promise<string[]> {
  await npm(
    scratch,
    ROOT,
    'pack',
    `--pack-destination=${scratch.folder}`,
    ...packages.map((name) => `--workspace=${name}`),
  );
  const archives = readdirSync(scratch.folder).filter((file) => file.endsWith('.tgz'));
  expect(archives).toHaveLength(packages.length);
  return archives.map((file) => path.join(scratch.folder, file));
}

async function npm(scratch: Scratch, cwd: string, ...args: string[]): Promise<void> {
  using run = new Program('npm', args, { cwd, runtimeDirectory: scratch.folder });
  const { code, stdout, stderr } = await run.ended;
  expect(code, `npm ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
}
