// npm run matrix [-- vitest arguments]: the tests on every other Node that the project supports.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './paths.mjs';
import { closingLine, runTests } from './run-tests.mjs';
import { trySetup } from './setup.mjs';
import { readJson } from './workspaces.mjs';

const folder = path.join(ROOT, 'tools/node-matrix');
const code = await trySetup(folder);
if (code !== 0) process.exit(code);

const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
for (const name of Object.keys(readJson(path.join(folder, 'package.json')).dependencies)) {
  const bin = path.join(folder, 'node_modules', name, 'bin');
  const node = path.join(bin, 'node');
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  // A child started as plain `node` must follow too.
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  const counts = await runTests(process.argv.slice(2), { node, env });
  for (const key of Object.keys(total)) total[key] += counts[key];
  lines.push(`node ${version}: ${closingLine(counts)}`);
  console.log(lines.at(-1));
}
console.log(`\n${lines.join('\n')}`);
console.log(closingLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
