import { readFileSync, readlinkSync } from 'node:fs';

/** What tells one process from all others of the machine, also from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start; 0 where /proc does not say. */
  readonly startTime: number;
  /** Pid namespace, `pid:[…]`; pids of another one mean nothing here. '' where /proc does not say. */
  readonly namespace: string;
}

/** This process; the same in all its threads. */
export function ownProcess(): ProcessIdentity {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // No /proc, as on macOS: deaths are proven by refused connections alone.
  }
  return { pid: process.pid, startTime: readStat(process.pid)?.startTime ?? 0, namespace };
}

/** Same process, whatever the thread. */
export function sameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.namespace === b.namespace;
}

/**
 * True only when the process is proven dead: no such pid, a zombie, one that is exiting - its sockets close long before
 * it is a zombie - or another start time. A pid of another namespace proves nothing; neither does silence: a stopped
 * process is alive.
 */
export function isProvenDead(identity: ProcessIdentity, own: ProcessIdentity): boolean {
  if (identity.namespace === '' || identity.namespace !== own.namespace) return false;
  const key = `${identity.pid}@${identity.startTime}`;
  if (dead.has(key)) return true;
  const proven = looksDead(identity);
  if (proven) {
    if (dead.size >= MAX_REMEMBERED) dead.clear();
    dead.add(key);
  }
  return proven;
}

/** A process can have been many participants, and the dead stay dead: one look is enough. */
const dead = new Set<string>();
const MAX_REMEMBERED = 1024;

function looksDead({ pid, startTime }: ProcessIdentity): boolean {
  let stat: ProcessStat | undefined;
  try {
    stat = readStat(pid);
  } catch {
    // Out of descriptors, say: no proof.
    return false;
  }
  if (stat === undefined) return true;
  if (stat.state === 'Z' || stat.state === 'X' || (stat.flags & PF_EXITING) !== 0) return true;
  return stat.startTime !== startTime;
}

/** Set before a process gives its descriptors back, and never cleared (include/linux/sched.h). */
const PF_EXITING = 0x4;

interface ProcessStat {
  readonly state: string;
  /** Kernel flags word, PF_*. */
  readonly flags: number;
  readonly startTime: number;
}

/** Fields 3, 9 and 22 of proc(5) stat; undefined when there is no such process. Throws when it cannot be read. */
function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  // The command name may hold spaces and brackets: fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], flags: Number(fields[6]), startTime: Number(fields[19]) };
}
