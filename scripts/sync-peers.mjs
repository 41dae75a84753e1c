// Runs in the `version` hook: `lerna version` raises dependencies and devDependencies but never peerDependencies.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { ROOT } from './paths.mjs';
import { workspaceRanges } from './workspace-ranges.mjs';
import { workspaces } from './workspaces.mjs';

const packages = workspaces();
for (const { file, manifest } of packages) {
  const off = workspaceRanges(manifest, packages).filter(({ range, expected }) => range !== expected);
  if (off.length === 0) continue;
  for (const { field, name, expected } of off) {
    manifest[field][name] = expected;
    console.log(`${manifest.name}: ${field} ${name} is now ${expected}`);
  }
  fs.writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  // Lerna commits what is staged; outside a release nothing may be.
  if (process.env.npm_lifecycle_event === 'version')
    spawnSync('git', ['add', '--', file], { cwd: ROOT, stdio: 'inherit' });
}
