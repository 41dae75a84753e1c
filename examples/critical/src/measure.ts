import type { Bus } from '@busbar/core';
import { BusLine } from './bus-line.ts';
import { Wait } from './contracts.ts';
import type { Display } from './display.ts';
import { type RingEnd, ringFor } from './ring.ts';
import { openSpinner } from './spinner.ts';
import { Tally, Turn } from './turn.ts';
import { WAYS, type Way } from './ways.ts';

/** Of the rings, and of the bus, before anything counts: until their code is compiled. */
const WARM_UP_MS = 300;
/** About what a turn takes: short enough that all ways meet the same moods of the machine. */
const TURN_SECONDS = 1;

export interface MeasureOptions {
  readonly bus: Bus;
  readonly end: RingEnd;
  /** The runtime directory of the buses. */
  readonly directory: string;
  /** Of all turns together. */
  readonly seconds: number;
  readonly display: Display;
  /** Ends it early, as if the time were over. */
  readonly signal: AbortSignal;
}

/** Gives each way its turns, one after another, and shows what comes of them. */
export async function measure({ bus, end, directory, seconds, display, signal }: MeasureOptions): Promise<void> {
  const line = new BusLine(bus);
  await line.ready;
  const idle = (): void => {};
  await line.steady(new Turn(WARM_UP_MS, new Tally(), signal, idle));
  await bus.request(Wait, 'ring');
  await ringFor(new Turn(WARM_UP_MS, new Tally(), signal, idle), end);

  const rounds = Math.max(1, Math.round(seconds / (TURN_SECONDS * WAYS.length)));
  const turnMs = (seconds * 1000) / (rounds * WAYS.length);
  const order = Array.from({ length: rounds }, () => WAYS).flat();
  const tallies = { ring: new Tally(), spin: new Tally(), hot: new Tally(), park: new Tally() };
  const endsAt = performance.now() + seconds * 1000;
  for (const way of order) {
    if (signal.aborted) break;
    const tally = tallies[way];
    const before = await processorMicros(bus, way);
    // Ends with this turn, as the other side's does with the next.
    await using spinner = way === 'spin' ? await openSpinner('asker', directory) : undefined;
    const spinning = spinner === undefined ? undefined : new BusLine(spinner);
    await spinning?.ready;
    const begin = performance.now();
    const turn = new Turn(turnMs, tally, signal, (now) => display.show(tallies, way, (endsAt - now) / 1000));
    if (spinning !== undefined) await spinning.steady(turn);
    else if (way === 'ring') await ringFor(turn, end);
    else if (way === 'hot') await line.hot(turn);
    else await line.park(turn);
    tally.wallMs += performance.now() - begin;
    tally.cpuMs += ((await processorMicros(bus, 'park')) - before) / 1000;
    display.turnOver(tallies, way);
  }
  display.close(tallies);
}

/** What both processes have had of the processor so far; the other one waits by `way` from here on. */
async function processorMicros(bus: Bus, way: Way): Promise<number> {
  const other = await bus.request(Wait, way);
  const { user, system } = process.cpuUsage();
  return other + user + system;
}
