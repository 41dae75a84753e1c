// npm run check [-- STEP ...]: everything that holds without running the tests. A step's output shows only if it fails.
import fs from 'node:fs';
import path from 'node:path';
import { capture } from './child.mjs';
import { ROOT, TOOLS } from './paths.mjs';
import { closingLine } from './run-tests.mjs';
import { trySetup } from './setup.mjs';

const STEPS = {
  'types of tests': [TOOLS.tsc, '-p', 'tsconfig.test.json'],
  biome: [TOOLS.biome, 'ci', '--colors=off', '.'],
  oxlint: [TOOLS.oxlint, '--type-aware', '--deny-warnings'],
  'dependency rules': ['scripts/checks/dependencies.mjs'],
  peers: ['scripts/check-peers.mjs'],
  references: ['scripts/checks/references.mjs'],
  'doc tables': ['scripts/doc-tables.mjs', '--check'],
  packages: ['scripts/checks/packages.mjs'],
  knip: [TOOLS.knip, '--no-progress', '--no-config-hints'],
  lockfile: ['scripts/checks/lockfile.mjs'],
  'file length': ['scripts/checks/file-length.mjs'],
  'machine traces': ['scripts/checks/machine-traces.mjs'],
};
const LANES = 2;

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in STEPS));
if (unknown.length > 0)
  throw new Error(`no such step: ${unknown.join(', ')}; there are ${Object.keys(STEPS).join(', ')}`);

const started = performance.now();
// Most steps look at what the build wrote: without it they would only repeat its failure.
const built = await trySetup();
report('build', built === 0, started);
if (built !== 0) {
  console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }));
  process.exit(1);
}

// The generated tables are made by a script of their own, which a young repository may lack.
const queue = Object.entries(STEPS).filter(
  ([name, args]) =>
    (chosen.length === 0 || chosen.includes(name)) &&
    (name !== 'doc tables' || fs.existsSync(path.join(ROOT, args[0]))),
);
const passed = ['build'];
const failed = [];
await Promise.all(Array.from({ length: LANES }, lane));
if (failed.length > 0) console.log(`check: failed: ${failed.join(', ')}`);
console.log(closingLine({ passed: passed.length, failed: failed.length, skipped: 0 }));
process.exitCode = failed.length === 0 ? 0 : 1;

async function lane() {
  for (let step = queue.shift(); step; step = queue.shift()) {
    const [name, args] = step;
    const from = performance.now();
    const { code, output } = await capture(process.execPath, args);
    report(name, code === 0, from);
    (code === 0 ? passed : failed).push(name);
    if (code === 0) continue;
    console.log(output.trimEnd().replace(/^/gm, '     '));
  }
}

function report(name, passed, from) {
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name.padEnd(18)} ${seconds.padStart(5)} s`);
}
