import path from 'node:path';
import { ROOT } from './paths.mjs';
import { readJson } from './workspaces.mjs';

// Each entry: { "pattern": a regular expression on 'file > suite > test', "reason": why a machine may lack what it needs }.
const EXPECTED = readJson(path.join(ROOT, 'scripts/expected-skips.json')).map(({ pattern, reason }) => ({
  pattern: new RegExp(pattern),
  reason,
}));

/** Why a test was skipped, and whether this project expects that on some machines. */
export function skipReason(name, note) {
  const entry = EXPECTED.find(({ pattern }) => pattern.test(name));
  return { reason: note ?? entry?.reason, expected: entry !== undefined };
}
