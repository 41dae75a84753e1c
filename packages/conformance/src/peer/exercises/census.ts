import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Host } from '../host.ts';

/** What a process holds of the system. */
export interface Census {
  /** What each open descriptor refers to, sorted. */
  readonly descriptors: readonly string[];
  /** Lines of /proc/self/maps. */
  readonly mappings: number;
  /** Bytes after a full collection, less what V8 keeps free in its heap: its young generation grows as it likes. */
  readonly residentBytes: number;
  /** Bytes of live objects and of the buffers they own, after a full collection. */
  readonly liveBytes: number;
  /** Kinds of handles and requests that keep the event loop going, sorted. */
  readonly resources: readonly string[];
  /** Processes whose parent this one is. */
  readonly children: number;
}

export async function census(_host: Host): Promise<Census> {
  // Node makes these handles at the first look, and net.Socket looks when it is destroyed.
  void process.stdout;
  void process.stderr;
  await collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    descriptors: descriptors(),
    mappings: readFileSync('/proc/self/maps', 'utf8').split('\n').length,
    residentBytes: rss - getHeapStatistics().total_physical_size + heapUsed,
    liveBytes: heapUsed + external,
    // A timer or an immediate may be the engine's or the harness's own; what matters are handles.
    resources: process.getActiveResourcesInfo().sort(),
    children: childCount(),
  };
}

/** What is open now. Those of the event loop and of the listing itself come and go and are left out. */
export function descriptors(): string[] {
  const open: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      // By kind: a socket in the place of another is no leak.
      // libuv holds one on / in reserve, to accept and refuse when none is left (uv__emfile_trick).
      if (target === '/') continue;
      if (!target.startsWith(`/proc/${process.pid}/`)) open.push(target.replace(/:\[\d+\]$/, ''));
    } catch {
      // Closed between the listing and the look: the descriptor of the listing.
    }
  }
  return open.sort();
}

function childCount(): number {
  const children = `/proc/self/task/${process.pid}/children`;
  try {
    return readFileSync(children, 'utf8').split(' ').filter(Boolean).length;
  } catch {
    return 0;
  }
}

let collect: (() => void) | undefined;

/** Two full collections with turns of the event loop between, for what is freed only after finalizers ran. */
export async function collectGarbage(): Promise<void> {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
