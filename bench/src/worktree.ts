import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCOPE = '@busbar';

/** A commit of this repository, built in a temporary worktree, with this tree's benchmark programs. */
export interface Worktree {
  /** The commit's full name. */
  readonly commit: string;
  /** The script that its worker processes run. */
  readonly worker: string;
  remove(): void;
}

/** @throws Error when REF is no commit, or cannot be built */
export function openWorktree(ref: string): Worktree {
  const commit = git('rev-parse', '--verify', `${ref}^{commit}`).trim();
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  const tree = path.join(folder, 'tree');
  const remove = (): void => {
    if (existsSync(tree)) git('worktree', 'remove', '--force', tree);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    git('worktree', 'add', '--detach', tree, commit);
    // Both sides must do the same work: only what is measured differs.
    rmSync(path.join(tree, 'bench'), { recursive: true, force: true });
    for (const item of ['src', 'package.json', 'tsconfig.json']) {
      cpSync(path.join(ROOT, 'bench', item), path.join(tree, 'bench', item), { recursive: true });
    }
    dropMissingReferences(path.join(tree, 'bench'));
    linkDependencies(tree);
    const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    // A program of a row that came later than REF uses what is not there: only that row cannot be compared.
    execFileSync(process.execPath, [tsc, '-b', 'bench', '--noCheck'], { cwd: tree, stdio: ['ignore', 2, 2] });
    return { commit, worker: path.join(tree, 'bench', 'dist', 'worker.js'), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Packages that came later than REF; their rows cannot be compared. */
function dropMissingReferences(bench: string): void {
  const file = path.join(bench, 'tsconfig.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { references: { path: string }[] };
  config.references = config.references.filter((reference) => existsSync(path.join(bench, reference.path)));
  writeFileSync(file, JSON.stringify(config));
}

/** The installed packages of this tree, except our own: those are the worktree's. */
function linkDependencies(tree: string): void {
  const installed = path.join(ROOT, 'node_modules');
  const own = path.join(tree, 'node_modules', SCOPE);
  mkdirSync(own, { recursive: true });
  for (const name of readdirSync(installed)) {
    if (name !== SCOPE) symlinkSync(path.join(installed, name), path.join(tree, 'node_modules', name));
  }
  for (const name of readdirSync(path.join(tree, 'packages'))) {
    symlinkSync(path.join(tree, 'packages', name), path.join(own, name));
    const nested = path.join(ROOT, 'packages', name, 'node_modules');
    if (existsSync(nested)) symlinkSync(nested, path.join(tree, 'packages', name, 'node_modules'));
  }
}
