import { type Bus, HYBRID, PRIORITIES, type Priority } from '@busbar/core';
import { debriefOf, Order } from './contracts.ts';
import { AGENTS } from './crew-list.ts';
import { type ClassReport, SIZE_BORDERS } from './route-log.ts';

/** All messages of one class, over all processes. */
export interface RouteRow {
  readonly priority: Priority;
  /** Index into `SIZE_BORDERS`. */
  readonly size: number;
  readonly via: string;
  /** The line of the policy that chose the transport. */
  readonly why: string;
  readonly count: number;
  /** Microseconds, one way; undefined when no message of the class carried its send time. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** Asks every agent what it has received; `own` is what the asking process has. Most urgent and smallest first. */
export async function collectRoutes(bus: Bus, own: readonly ClassReport[]): Promise<readonly RouteRow[]> {
  // Who has died by now is missing from the table, and from nothing else.
  const debriefs = AGENTS.map((agent) => bus.request(debriefOf(agent), null).catch(() => []));
  const reports = [own, ...(await Promise.all(debriefs))].flat().filter(({ via }) => via !== 'local');
  const classes = new Map<string, ClassReport[]>();
  for (const report of reports) {
    const key = `${PRIORITIES.indexOf(report.priority)} ${report.size} ${report.via}`;
    const same = classes.get(key);
    if (same === undefined) classes.set(key, [report]);
    else same.push(report);
  }
  return [...classes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, same]) => row(bus, same));
}

function row(bus: Bus, reports: readonly ClassReport[]): RouteRow {
  const { priority, size, via } = reports[0];
  const micros = reports.flatMap(({ micros }) => micros).sort((a, b) => a - b);
  return {
    priority,
    size,
    via,
    why: explain(bus, priority, size, via),
    count: reports.reduce((sum, { count }) => sum + count, 0),
    p50: percentile(micros, 0.5),
    p99: percentile(micros, 0.99),
  };
}

/** All processes of a survey have one policy, so that what it says here it says everywhere. Everybody hears orders. */
function explain(bus: Bus, priority: Priority, size: number, via: string): string {
  const bytes = SIZE_BORDERS[size] ?? SIZE_BORDERS[SIZE_BORDERS.length - 1] + 1;
  const choice = bus.explain(Order, bytes, { priority }).find(({ transport }) => transport === via);
  if (choice !== undefined) return choice.reason;
  // Whom it asks sleep at the moment; others were awake.
  const urgency = PRIORITIES.indexOf(priority);
  const facts = {
    topic: Order.name,
    priority: urgency,
    reliability: 'reliable',
    durability: 'volatile',
    bytes,
  } as const;
  const { prefer, reason } = HYBRID.prefer({ ...facts, awake: [via] });
  return prefer.find((name) => name !== 'memory') === via ? reason : 'another route was taken';
}

function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
