import { performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import type { Host } from '../host.ts';

/** Milliseconds of work in the next `ms`: CPU time of a process, time in callbacks of a thread's event loop. */
export async function idle(_host: Host, ms: number): Promise<number> {
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  await new Promise((resolve) => setTimeout(resolve, ms));
  if (!isMainThread) return performance.eventLoopUtilization(loop).active;
  const used = process.cpuUsage(cpu);
  return (used.user + used.system) / 1_000;
}
