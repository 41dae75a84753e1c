import type { Bus } from '@busbar/core';
import { BusLine } from './bus-line.ts';
import { Spin } from './contracts.ts';
import type { Display } from './display.ts';
import { type SpinEnd, spinFor } from './spin.ts';
import { Tally, Turn } from './turn.ts';
import { WAYS, type Way } from './ways.ts';

/** Each way once before anything counts, until its code is compiled. */
const WARM_UP_MS = 200;
/** About as long as a turn is: short enough that all three meet the same moods of the machine. */
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

/** Gives each way its turns, one after another, and shows what came of them. */
export async function measure(options: MeasureOptions): Promise<void> {
  const { bus, seconds, display, signal } = options;
  const line = new BusLine(bus);
  await line.ready;
  const takeTurn = async (
    way: Way,
    milliseconds: number,
    tally: Tally,
    onIdle: (now: number) => void,
  ): Promise<void> => {
    const answererBefore = await bus.request(Spin, way === 'spin');
    const before = process.cpuUsage();
    const begin = performance.now();
    const turn = new Turn(milliseconds, tally, onIdle);
    const onAbort = (): void => turn.end();
    signal.addEventListener('abort', onAbort);
    if (way === 'spin') await spinFor(turn, options.end);
    else await line[way](turn);
    signal.removeEventListener('abort', onAbort);
    const { user, system } = process.cpuUsage(before);
    tally.wallMs += performance.now() - begin;
    tally.cpuMs += (user + system + (await bus.request(Spin, false)) - answererBefore) / 1000;
  };

  for (const way of WAYS) if (!signal.aborted) await takeTurn(way, WARM_UP_MS, new Tally(), () => {});
  const rounds = Math.max(1, Math.round(seconds / (TURN_SECONDS * WAYS.length)));
  const turnMs = (seconds * 1000) / (rounds * WAYS.length);
  const tallies = { spin: new Tally(), hot: new Tally(), park: new Tally() };
  let turns = rounds * WAYS.length;
  for (; turns > 0 && !signal.aborted; turns--) {
    const way = WAYS[(WAYS.length - (turns % WAYS.length)) % WAYS.length];
    const endsAt = performance.now() + turnMs * turns;
    await takeTurn(way, turnMs, tallies[way], (now) => display.show(tallies, way, (endsAt - now) / 1000));
    display.turnOver(tallies, way);
  }
  display.close(tallies);
}
