import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths.mjs';
import { workspaces } from './workspaces.mjs';

const OUTPUT = /\.(d\.ts\.map|d\.ts|js\.map|js)$/;

/** Removes what tsc wrote for sources that are gone: it would be packed, and imports of it would still work. */
export function pruneOutputs() {
  for (const { folder } of workspaces()) {
    const dist = path.join(ROOT, folder, 'dist');
    if (!fs.existsSync(dist)) continue;
    // `tests` compiles from its own root, the others from src.
    const sources = folder === 'tests' ? path.join(ROOT, folder) : path.join(ROOT, folder, 'src');
    for (const name of fs.readdirSync(dist, { recursive: true })) {
      if (!OUTPUT.test(name)) continue;
      if (!fs.existsSync(path.join(sources, name.replace(OUTPUT, '.ts')))) fs.rmSync(path.join(dist, name));
    }
  }
}
