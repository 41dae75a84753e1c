import { setTimeout } from 'node:timers/promises';
import { type Bus, createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { monotonicMs } from '../monotonic.ts';
import { SILENT } from '../silent.ts';

const TOPIC = 'swarm.word';
const LOOK_MS = 20;

const buses: Bus[] = [];
/** Losses told to all buses of this process, by the pid that died: how many, and when the last came. */
const losses = new Map<number, { count: number; lastAt: number }>();

function lost(pid: number): void {
  const seen = losses.get(pid)?.count ?? 0;
  losses.set(pid, { count: seen + 1, lastAt: monotonicMs() });
}

/** Resolves when `bus` has met `others`. */
function met(bus: Bus, others: number): Promise<void> {
  let count = bus.peers.length;
  if (count >= others) return Promise.resolve();
  return new Promise((resolve) => {
    bus.on('join', () => {
      if (++count === others) resolve();
    });
  });
}

/** Many participants in one process. */
export const actions = {
  pid: (): number => process.pid,

  /** Joins `count` participants, subscribes each, and waits until each knows all `total` and their subscriptions. */
  async join(directory: string, prefix: string, count: number, total: number, withinMs: number): Promise<boolean> {
    const joined = Array.from({ length: count }, async (_, index) => {
      const bus = await createBus({ logger: SILENT, name: `${prefix}-${index}`, directory, plugins: [uds()] });
      buses.push(bus);
      bus.on('lost', ({ pid }) => lost(pid));
      const all = met(bus, total - 1);
      await bus.subscribe(TOPIC, () => {}).ready;
      await all;
      // What they want, each tells a moment later, and no event does.
      while (bus.explain(TOPIC, 100).length < total) await setTimeout(LOOK_MS);
    });
    return Promise.race([Promise.all(joined).then(() => true), setTimeout(withinMs, false, { ref: false })]);
  },

  losses: (pid: number): { count: number; lastAt: number } => losses.get(pid) ?? { count: 0, lastAt: 0 },

  async leave(): Promise<void> {
    await Promise.all(buses.splice(0).map((bus) => bus.close()));
  },
};
