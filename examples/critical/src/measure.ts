import type { Bus } from '@busbar/core';
import { BusLine } from './bus-line.ts';
import { Spin } from './contracts.ts';
import type { Display } from './display.ts';
import { type SpinEnd, spinFor } from './spin.ts';
import { Tally, Turn } from './turn.ts';
import { WAYS, type Way } from './ways.ts';

/** Of the rings, and of the bus, before anything counts: until their code is compiled. */
const WARM_UP_MS = 300;
/** About what a turn takes: short enough that all ways meet the same moods of the machine. */
const TURN_SECONDS = 1;

export interface MeasureOptions {
  readonly bus: Bus;
  readonly end: SpinEnd;
  /** Of all turns together. */
  readonly seconds: number;
  readonly display: Display;
  /** Ends it early, as if the time were over. */
  readonly signal: AbortSignal;
}

/** Gives each way its turns, one after another, and shows what comes of them. */
export async function measure({ bus, end, seconds, display, signal }: MeasureOptions): Promise<void> {
  const line = new BusLine(bus);
  await line.ready;
  const run: Record<Way, (turn: Turn) => Promise<void>> = {
    spin: (turn) => spinFor(turn, end),
    hot: (turn) => line.hot(turn),
    park: (turn) => line.park(turn),
  };
  const idle = (): void => {};
  await line.warmUp(new Turn(WARM_UP_MS, new Tally(), signal, idle));
  await bus.request(Spin, true);
  await run.spin(new Turn(WARM_UP_MS, new Tally(), signal, idle));
  await bus.request(Spin, false);

  const rounds = Math.max(1, Math.round(seconds / (TURN_SECONDS * WAYS.length)));
  const turnMs = (seconds * 1000) / (rounds * WAYS.length);
  const order = Array.from({ length: rounds }, () => WAYS).flat();
  const tallies = { spin: new Tally(), hot: new Tally(), park: new Tally() };
  const endsAt = performance.now() + seconds * 1000;
  for (const way of order) {
    if (signal.aborted) break;
    const tally = tallies[way];
    const before = await processorMicros(bus, way === 'spin');
    const begin = performance.now();
    await run[way](new Turn(turnMs, tally, signal, (now) => display.show(tallies, way, (endsAt - now) / 1000)));
    tally.wallMs += performance.now() - begin;
    tally.cpuMs += ((await processorMicros(bus, false)) - before) / 1000;
    display.turnOver(tallies, way);
  }
  display.close(tallies);
}

/** What both processes have had of the processor so far; the other one spins from here on, or does not. */
async function processorMicros(bus: Bus, spinning: boolean): Promise<number> {
  const other = await bus.request(Spin, spinning);
  const { user, system } = process.cpuUsage();
  return other + user + system;
}
