// Packs each public package and lets publint and attw look at the very archive that would be published.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { capture } from '../child.mjs';
import { ROOT, TOOLS } from '../paths.mjs';
import { workspaces } from '../workspaces.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'busbar-pack-'));
const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
const results = [];
try {
  const packages = workspaces().filter(({ manifest }) => !manifest.private);
  const flags = packages.map((each) => `--workspace=${each.manifest.name}`);
  const pack = await capture(npm[0], [
    ...npm.slice(1),
    'pack',
    '--json',
    '--ignore-scripts',
    '--loglevel=error',
    `--pack-destination=${folder}`,
    ...flags,
  ]);
  if (pack.code !== 0) throw new Error(`npm pack failed\n${pack.output}`);
  const archives = Object.values(JSON.parse(pack.output.slice(pack.output.search(/^[[{]/m))));
  if (archives.length !== packages.length)
    throw new Error(`npm pack made ${archives.length} archives of ${packages.length}`);
  // Two at a time: each is a process of its own.
  const queue = [...archives];
  await Promise.all(
    [1, 2].map(async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await inspect(next);
    }),
  );
} finally {
  fs.rmSync(folder, { recursive: true });
}
for (const result of results) console.log(result);
process.exitCode = results.length > 0 ? 1 : 0;

async function inspect({ name, filename, files }) {
  const archive = path.join(folder, filename);
  const node = (tool, ...args) => capture(process.execPath, [path.join(ROOT, TOOLS[tool]), ...args]);
  for (const done of [
    await node('publint', 'run', archive, '--strict'),
    // Only ESM is shipped, and every supported Node resolves `exports`.
    await node('attw', archive, '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii'),
  ]) {
    if (done.code !== 0) results.push(`${name}\n${done.output}`);
  }
  const names = files.map((file) => file.path);
  if (!names.includes('README.md')) results.push(`${name}: no README.md`);
  for (const stray of names.filter((file) => /(^test\/|tsbuildinfo|planted)/.test(file)))
    results.push(`${name}: packs ${stray}`);
}
