import { readFileSync, readlinkSync } from 'node:fs';

/** 22nd field of /proc/<pid>/stat, counted after the command name, which may itself hold spaces (proc(5)). */
const START_TIME_FIELD = 19;

/**
 * Names this process among all that ever used the same runtime directory, the same in each of its threads: the pid,
 * with start time and pid namespace where /proc tells them (containers that share a directory can share pids).
 */
export function processIdentity(): string {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD];
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
    return `${process.pid}-${startTime}-${namespace}`;
  } catch {
    return String(process.pid);
  }
}
