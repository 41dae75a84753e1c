import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from './child.mjs';
import { TOOLS } from './paths.mjs';

/** Runs vitest under a Node; answers its counts and exit code. A run that fails always has a failure counted. */
export async function runTests(args, { node = process.execPath, env = process.env } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'busbar-counts-'));
  const file = path.join(folder, 'counts.json');
  const reporters = ['--reporter=default', '--reporter=./scripts/count-reporter.mjs'];
  try {
    const code = await run(node, [TOOLS.vitest, 'run', ...reporters, ...args], {
      env: { ...env, BUSBAR_COUNTS: file },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const counts = fs.existsSync(file)
      ? JSON.parse(fs.readFileSync(file, 'utf8'))
      : { passed: 0, failed: 0, skipped: 0 };
    // Nothing ran, or vitest itself failed: neither may look like a pass.
    const nothingRan = counts.passed + counts.failed === 0;
    if (counts.failed === 0 && (code !== 0 || nothingRan)) counts.failed = 1;
    return { ...counts, code: code || (counts.failed > 0 ? 1 : 0) };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** The closing line that a person and a machine read alike. */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
