import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { transportConformance } from '@busbar/conformance';
import { afterAll, expect, test } from 'vitest';
import { Program, Scratch } from './program.ts';

// The transport of docs/writing-a-transport.md, compiled as its reader would and held to what every transport is.
const ROOT = path.resolve(import.meta.dirname, '../..');
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
symlinkSync(path.join(ROOT, 'node_modules'), path.join(scratch.folder, 'node_modules'));
writeFileSync(path.join(scratch.folder, 'package.json'), '{ "type": "module" }\n');
execFileSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '-p', 'docs/examples/tcp', '--outDir', scratch.folder],
  { cwd: ROOT, stdio: 'inherit' },
);

transportConformance({
  plugin: './tcp.js',
  export: 'tcp',
  from: pathToFileURL(path.join(scratch.folder, 'conformance.test.js')).href,
});

const PEER = `
import { createBus } from '@busbar/core';
import { tcp } from './tcp.js';
const bus = await createBus({ name: process.argv[2], plugins: [tcp()] });
if (process.argv[2] === 'server') {
  bus.serve('echo', (value) => value);
  console.log('ready');
} else {
  const answer = await bus.request('echo', { n: 1 });
  const [{ transport }] = bus.explain('echo', 10).concat({ transport: 'nobody subscribes' });
  console.log(JSON.stringify(answer), transport);
  await bus.close();
}
`;

test('two processes talk over it', async () => {
  writeFileSync(path.join(scratch.folder, 'peer.js'), PEER);
  const runtimeDirectory = path.join(scratch.folder, 'run');
  mkdirSync(runtimeDirectory, { mode: 0o700 });
  using server = new Program('node', ['peer.js', 'server'], { cwd: scratch.folder, runtimeDirectory });
  await server.printed('ready');
  using client = new Program('node', ['peer.js', 'client'], { cwd: scratch.folder, runtimeDirectory });
  expect(await client.ended).toMatchObject({ code: 0, stderr: '', stdout: '{"n":1} nobody subscribes\n' });
});
