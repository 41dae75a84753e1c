import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths.mjs';

/** Every workspace package, by reading the folders that the root package.json names. */
export function workspaces() {
  const { workspaces: patterns } = readJson(path.join(ROOT, 'package.json'));
  return patterns.flatMap(expand).map((folder) => {
    const file = path.join(ROOT, folder, 'package.json');
    return { folder, file, manifest: readJson(file) };
  });
}

export function readJson(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

function expand(pattern) {
  if (!pattern.endsWith('/*')) return [pattern];
  const parent = pattern.slice(0, -2);
  return fs
    .readdirSync(path.join(ROOT, parent))
    .map((name) => `${parent}/${name}`)
    .filter((folder) => fs.existsSync(path.join(ROOT, folder, 'package.json')))
    .sort();
}
