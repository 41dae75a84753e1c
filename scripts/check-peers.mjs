// Ranges between the packages follow their versions, and each peer is at hand where its package is developed.
import { workspaceRanges } from './workspace-ranges.mjs';
import { workspaces } from './workspaces.mjs';

const packages = workspaces();
const problems = [];
for (const { folder, manifest } of packages) {
  for (const { field, name, range, expected } of workspaceRanges(manifest, packages)) {
    if (range !== expected)
      problems.push(`${folder}: ${field} ${name} is ${range}, should be ${expected} (scripts/sync-peers.mjs)`);
  }
  for (const name of Object.keys(manifest.peerDependencies ?? {})) {
    if (!manifest.devDependencies?.[name]) problems.push(`${folder}: the peer ${name} is missing in devDependencies`);
  }
  for (const name of Object.keys(manifest.peerDependenciesMeta ?? {})) {
    if (!manifest.peerDependencies?.[name])
      problems.push(`${folder}: peerDependenciesMeta names ${name}, which is no peer`);
  }
  const isPlugin = /^packages\/(native|transport-)/.test(folder);
  if (isPlugin && manifest.dependencies?.['@busbar/core']) problems.push(`${folder}: @busbar/core must be a peer`);
}
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
