import { type Bus, createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { monotonicMs } from '../monotonic.ts';
import { SILENT } from '../silent.ts';

const TOPIC = 'swarm.word';
const LOOK_MS = 5;

const buses: Bus[] = [];
/** Losses told to all buses of this process, by the pid that died: how many, and when the last came. */
const losses = new Map<number, { count: number; lastAt: number }>();

function lost(pid: number): void {
  const seen = losses.get(pid)?.count ?? 0;
  losses.set(pid, { count: seen + 1, lastAt: monotonicMs() });
}

/** True when `bus` is connected with all others and would deliver to each of them, and to itself. */
function seesAll(bus: Bus, total: number): boolean {
  return bus.peers.length === total - 1 && bus.explain(TOPIC, 100).length === total;
}

/** Many participants in one process. */
export const actions = {
  pid: (): number => process.pid,

  /** Joins `count` participants, subscribes each, and waits until each knows all `total` and their subscriptions. */
  async join(directory: string, prefix: string, count: number, total: number, withinMs: number): Promise<boolean> {
    const end = monotonicMs() + withinMs;
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const bus = await createBus({ logger: SILENT, name: `${prefix}-${index}`, directory, plugins: [uds()] });
        buses.push(bus);
        bus.on('lost', ({ pid }) => lost(pid));
        await bus.subscribe(TOPIC, () => {}).ready;
      }),
    );
    const waiting = new Set(buses);
    while (waiting.size > 0 && monotonicMs() < end) {
      for (const bus of waiting) if (seesAll(bus, total)) waiting.delete(bus);
      if (waiting.size > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return waiting.size === 0;
  },

  losses: (pid: number): { count: number; lastAt: number } => losses.get(pid) ?? { count: 0, lastAt: 0 },

  async leave(): Promise<void> {
    await Promise.all(buses.splice(0).map((bus) => bus.close()));
  },
};
