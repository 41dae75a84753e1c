// Brings a clone to the state that every command needs: dependencies installed, packages built.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './child.mjs';
import { isInstalled, markInstalled } from './installed.mjs';
import { ROOT, TOOLS } from './paths.mjs';
import { pruneOutputs } from './prune-outputs.mjs';
import { takeTurn, turnDescriptor } from './turn.mjs';

const SELF = fileURLToPath(import.meta.url);
const LOCK = path.join(fs.realpathSync(ROOT), '.setup.lock');

/**
 * Sets up what is missing, in turn with other set-ups of this clone; answers the exit code, 0 when all is in place.
 * Further folders are ones with a lockfile of their own that a command needs.
 */
export function trySetup(...furtherFolders) {
  return takeTurn(LOCK, SELF, ['--in-turn', ...furtherFolders]);
}

/** The same for commands that have nothing to say when it fails: ends the process then. */
export async function setup() {
  const code = await trySetup();
  if (code !== 0) process.exit(code);
}

/** Installs a folder's locked dependencies where they are missing; answers npm's exit code. */
async function install(folder) {
  if (isInstalled(folder)) return 0;
  console.error(`setup: npm ci in ${path.relative(ROOT, folder) || 'the root'}`);
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  // NODE_ENV=production would leave the build tools out.
  const args = [...npm.slice(1), 'ci', '--include=dev', '--loglevel=error', '--no-fund', '--no-audit', '--no-progress'];
  // What npm prints must not mix with a command's own output.
  const code = await run(npm[0], args, { cwd: folder, stdio: ['ignore', 2, 2, turnDescriptor(LOCK)] });
  if (code === 0) markInstalled(folder);
  return code;
}

async function setupInTurn(furtherFolders) {
  for (const folder of [ROOT, ...furtherFolders]) {
    const code = await install(folder);
    if (code !== 0) return code;
  }
  pruneOutputs();
  return run(process.execPath, [TOOLS.tsc, '-b'], { stdio: ['ignore', 2, 2] });
}

if (process.argv[1] === SELF) {
  if (process.argv[2] === '--in-turn') process.exit(await setupInTurn(process.argv.slice(3)));
  await setup();
}
