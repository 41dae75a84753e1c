// A lockfile written against a mirror that lacks a platform's package still installs here, and fails elsewhere.
import path from 'node:path';
import { ROOT } from '../paths.mjs';
import { readJson, workspaces } from '../workspaces.mjs';

const problems = [];
let platformPackages = 0;

for (const folder of ['.', 'tools/node-matrix']) {
  const file = path.join(folder, 'package-lock.json');
  const { packages } = readJson(path.join(ROOT, file));
  for (const [place, entry] of Object.entries(packages)) {
    if (entry.link || !/(^|\/)node_modules\//.test(place)) continue;
    if (entry.resolved) problems.push(`${file}: ${place} names where it came from (omit-lockfile-registry-resolved)`);
    if (!entry.integrity && !entry.inBundle) problems.push(`${file}: ${place} has no integrity`);
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      platformPackages += 1;
      const found = nearest(packages, place, name);
      if (!found) problems.push(`${file}: ${place} wants ${name}@${range}, which has no entry`);
      else if (/^\d/.test(range) && found.version !== range)
        problems.push(`${file}: ${name} is ${found.version}, ${place} wants ${range}`);
    }
  }
}
if (platformPackages < 50)
  problems.push(`only ${platformPackages} optional packages seen: this check looks at too little`);

// Development tools are pinned; only what users install has ranges.
const root = { folder: '.', manifest: readJson(path.join(ROOT, 'package.json')) };
for (const { folder, manifest } of [root, ...workspaces()]) {
  for (const [name, range] of Object.entries(manifest.devDependencies ?? {})) {
    if (!name.startsWith('@busbar/') && !/^\d+\.\d+\.\d+$/.test(range))
      problems.push(`${folder}: ${name} is ${range}, not an exact version`);
  }
}

for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

/** The entry that Node would find: in the package's own node_modules or in one further up. */
function nearest(packages, place, name) {
  for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const entry = packages[`${folder}/node_modules/${name}`.replace(/^\//, '')];
    if (entry) return entry;
    if (!folder.includes('/node_modules/')) return packages[`node_modules/${name}`];
  }
}
