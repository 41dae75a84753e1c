import { type Bus, createBus, type OpenedStream } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { SILENT } from '../silent.ts';
import { contentOf, readContent, StreamCheck, type StreamReport } from '../stream-check.ts';

const STREAM = 'long.stream';
/** Payload bytes of each chunk, beside its number. */
const SIZE = 100;
/** The reader waits once in so many chunks, since a timer is no finer than a millisecond. */
const CHUNKS_PER_WAIT = 1_000;

let bus: Bus;
let opened: OpenedStream<Uint8Array, number>;
const check = new StreamCheck();
/** Chunks made so far. */
let made = 0;
let returned = 0;

/** A producer that could give a stream at any speed, and a reader that takes its time. */
export const actions = {
  async open(directory: string, name: string): Promise<void> {
    bus = await createBus({ logger: SILENT, name, directory, plugins: [uds()] });
  },

  serve(): Promise<void> {
    return bus.serveStream(STREAM, async function* (count: number) {
      try {
        for (; made < count; made++) yield contentOf(0, made, SIZE);
        return count;
      } finally {
        returned++;
      }
    }).ready;
  },

  begin(count: number): void {
    opened = bus.open<number, Uint8Array, number>(STREAM, count);
  },

  /** Takes the next `count` chunks, with pauses. */
  async read(count: number): Promise<void> {
    for (let i = 1; i <= count; i++) {
      const { value } = await opened.next();
      if (value === undefined) return;
      const { sequence, intact } = readContent(value);
      check.take(sequence, intact);
      if (i % CHUNKS_PER_WAIT === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  },

  /** What the producer's generator returned at last; -1 when there are chunks left. */
  async result(): Promise<number> {
    if ((await opened.next()).done !== true) return -1;
    return opened.result;
  },

  made: (): number => made,
  returned: (): number => returned,
  rss: (): number => process.memoryUsage.rss(),
  report: (): StreamReport => check.report,

  /** Messages that were sent and have no outcome, or more than one. */
  async unsettled(): Promise<number> {
    await bus.drain();
    const { targets, outcomes } = bus.counters;
    return targets - Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  },
};
