import { type Bus, createBus, OK, type Publisher } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { SILENT } from '../silent.ts';
import { contentOf, readContent, StreamCheck, type StreamReport } from '../stream-check.ts';

const TOPIC = 'slow.topic';
/** Payload bytes of each message. */
const SIZE = 256;
const MESSAGES_PER_TURN = 1_000;
/** The consumer waits once in so many messages, since a timer is no finer than a millisecond. */
const MESSAGES_PER_WAIT = 20;

let bus: Bus;
let publisher: Publisher<Uint8Array>;
const check = new StreamCheck();
let waitMs = 0;
let sent = 0;
let refusals = 0;
let flooding = false;
let flood: Promise<void> = Promise.resolve();

async function run(): Promise<void> {
  while (flooding) {
    if (publisher.send(contentOf(0, sent, SIZE)) !== OK) {
      refusals++;
      await publisher.writable();
      // Without back-pressure the loop would never let go of the thread.
    } else if (++sent % MESSAGES_PER_TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** A producer as fast as it can, and a consumer as slow as it is told. */
export const actions = {
  async open(directory: string, name: string): Promise<void> {
    bus = await createBus({ logger: SILENT, name, directory, plugins: [uds()] });
    publisher = bus.publisher(TOPIC);
  },

  consume(): Promise<void> {
    let taken = 0;
    return bus.subscribe(TOPIC, ({ data }) => {
      const { sequence, intact } = readContent(data as Uint8Array);
      check.take(sequence, intact);
      if (waitMs === 0 || ++taken % MESSAGES_PER_WAIT > 0) return undefined;
      return new Promise<void>((resolve) => setTimeout(resolve, waitMs));
    }).ready;
  },

  /** From now on the consumer takes about `perSecond` messages. */
  slowTo(perSecond: number): void {
    waitMs = perSecond === Number.POSITIVE_INFINITY ? 0 : (MESSAGES_PER_WAIT / perSecond) * 1000;
  },

  flood(): void {
    flooding = true;
    flood = run();
  },

  async stop(): Promise<{ sent: number; refusals: number }> {
    flooding = false;
    await flood;
    await bus.drain();
    return { sent, refusals };
  },

  sent: (): number => sent,
  rss: (): number => process.memoryUsage.rss(),

  report: (): StreamReport => check.report,

  /** Messages that were published and have no outcome, or more than one. */
  unsettled(): number {
    const { targets, outcomes } = bus.counters;
    return targets - Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  },
};
