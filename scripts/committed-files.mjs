import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths.mjs';

const OUTSIDE = new Set(['node_modules', 'dist', 'coverage', '.git', '.nx', '.cache']);

/** The files of this clone that are, or would be, committed; relative to the root. */
export function committedFiles() {
  const git = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' });
  const files = git.status === 0 ? git.stdout.split('\0').filter(Boolean) : walk('');
  // A deleted file is listed until its removal is staged.
  return files.filter((file) => fs.existsSync(path.join(ROOT, file)));
}

// A copy without git, such as an unpacked archive.
function walk(folder) {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (OUTSIDE.has(entry.name)) return [];
    const name = path.posix.join(folder, entry.name);
    return entry.isDirectory() ? walk(name) : [name];
  });
}
