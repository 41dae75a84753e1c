import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './child.mjs';

const POLL_MS = 200;

/**
 * Runs a Node script while no other process does so under the same lock file. Dying by kill -9 never leaves
 * the lock taken: flock(1) holds it by an open file, the fallback by a process id that is checked for life.
 */
export async function takeTurn(lockFile, script, args) {
  if (spawnSync('flock', ['--version']).status === 0) {
    const command = [lockFile, process.execPath, script, ...args];
    const BUSY = 75;
    const code = await run('flock', ['--nonblock', '--conflict-exit-code', String(BUSY), ...command]);
    if (code !== BUSY) return code;
    console.error('setup: waiting for another set-up of this clone');
    return run('flock', command);
  }
  const release = await takePidFile(`${lockFile}.pid`);
  try {
    return await run(process.execPath, [script, ...args]);
  } finally {
    release();
  }
}

/**
 * Within a turn: what to put behind stdout and stderr in a child's stdio, so that the turn lasts as long as the child
 * even if we are killed. Node hands no other descriptor down.
 */
export function turnDescriptor(lockFile) {
  const held = fs.readdirSync('/proc/self/fd').find((fd) => linkTarget(`/proc/self/fd/${fd}`) === lockFile);
  return held === undefined ? 'ignore' : Number(held);
}

/** Takes a lock file that names its holder; answers the function that gives it back. */
export async function takePidFile(file) {
  const mine = `${process.pid} ${startTime(process.pid)}`;
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, mine);
  try {
    for (;;) {
      try {
        // link() is atomic and the file is whole from its first moment; open('wx') would show it empty first.
        fs.linkSync(draft, file);
        return () => fs.rmSync(file, { force: true });
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      if (!removeIfDead(file)) await sleep(POLL_MS);
    }
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

function removeIfDead(file) {
  const holder = read(file);
  if (holder === undefined || isAlive(holder)) return false;
  const aside = `${file}.${process.pid}.stale`;
  try {
    fs.renameSync(file, aside);
  } catch {
    return false;
  }
  // Someone may have replaced the dead lock between the read and the rename: then it goes back.
  const moved = read(aside);
  if (moved !== holder && isAlive(moved)) fs.linkSync(aside, file);
  fs.rmSync(aside, { force: true });
  return true;
}

function isAlive(holder) {
  const [pid, start] = holder.split(' ');
  return startTime(pid) === start;
}

/** When a process began, in clock ticks since boot: a reused process id differs in it. */
function startTime(pid) {
  const stat = read(`/proc/${pid}/stat`);
  // The second field, the program's name, may hold spaces: count from its closing bracket.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function linkTarget(file) {
  try {
    return fs.readlinkSync(file);
  } catch {
    return undefined;
  }
}
