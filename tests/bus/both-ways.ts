import type { Bus } from '@busbar/core';
import { expect } from 'vitest';
import { expectBalanced, open, Peer, scratch, until } from './harness.ts';
import { record } from './recorder.mjs';

/** What happens meanwhile; `progress` resolves when something new got through each way. Returns how often it struck. */
export type Disturbing = (peer: Peer, progress: () => Promise<void>, bus: Bus) => Promise<number>;

/** Sends 0, 1, … on `topic`, small ones with some large among them, until `done`; returns how many. */
async function stream(bus: Bus, topic: string, done: () => boolean): Promise<number> {
  const publisher = bus.publisher<{ n: number; pad: Uint8Array }>(topic);
  let n = 0;
  while (!done()) {
    for (let burst = 0; burst < 50; burst++) {
      const size = n % 97 === 0 ? 300_000 : n % 1000;
      if (publisher.send({ n, pad: new Uint8Array(size) }) === 0) n++;
      else await publisher.writable();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const report = await publisher.flush();
  expect(report.failed).toEqual([]);
  return n;
}

function expectGapless(numbers: number[], count: number): void {
  const wrong = numbers.findIndex((n, index) => n !== index);
  expect(wrong < 0 ? 'in order' : `at ${wrong}: ${numbers.slice(Math.max(0, wrong - 2), wrong + 3).join()}`).toBe(
    'in order',
  );
  expect(numbers).toHaveLength(count);
}

/**
 * Both sides stream while something disturbs what carries it. The processes live, so nothing `reliable` may be lost,
 * duplicated or reordered, and nobody may be told lost.
 */
export async function whileStreaming(disturbing: Disturbing, transports = ['uds']): Promise<void> {
  const directory = scratch();
  const bus = await open({ name: 'steady', directory, transports });
  const departures: string[] = [];
  for (const event of ['leave', 'lost'] as const) bus.on(event, () => departures.push(event));
  const heard = record<{ n: number }>(bus, 'from.peer');
  const peer = await Peer.open({ name: 'disturbed', directory, transports });
  await peer.run(async ({ bus, record, kept }) => {
    kept.heard = record(bus, 'from.us');
    await kept.heard.subscription.ready;
    kept.publisher = bus.publisher('from.peer');
    kept.sent = 0;
    kept.sending = (async () => {
      while (!kept.stop) {
        for (let burst = 0; burst < 50; burst++) {
          const pad = new Uint8Array(kept.sent % 97 === 0 ? 300_000 : kept.sent % 1000);
          if (kept.publisher.send({ n: kept.sent, pad }) === 0) kept.sent++;
          else await kept.publisher.writable();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      return kept.publisher.flush();
    })();
  });
  let stop = false;
  const sending = stream(bus, 'from.us', () => stop);
  const count = (): Promise<number> => peer.run(({ kept }) => kept.heard.messages.length as number);
  const progress = async (): Promise<void> => {
    const [ours, theirs] = [heard.messages.length, await count()];
    await until(async () => heard.messages.length > ours + 20 && (await count()) > theirs + 20);
  };
  expect(await disturbing(peer, progress, bus)).toBeGreaterThan(5);
  stop = true;
  const sent = await sending;
  const { theirSent, failed } = await peer.run(async ({ kept }) => {
    kept.stop = true;
    const { failed } = await kept.sending;
    return { theirSent: kept.sent as number, failed };
  });
  expect(failed).toEqual([]);
  await heard.reach(theirSent);
  const theirNumbers = await peer.run(async ({ kept }, sent) => {
    await kept.heard.reach(sent);
    return kept.heard.data.map(({ n }: { n: number }) => n);
  }, sent);
  expectGapless(theirNumbers, sent);
  expectGapless(
    heard.data.map(({ n }) => n),
    theirSent,
  );
  expect(departures).toEqual([]);
  expectBalanced(bus.counters);
  expect(await peer.run(({ errors }) => errors)).toEqual([]);
}
