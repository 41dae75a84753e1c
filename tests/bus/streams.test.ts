import type { OpenedStream } from '@busbar/core';
import { describe, expect, test } from 'vitest';
import { expectBalanced, type OpenOptions, open, Peer, refusal, scratch, until } from './harness.ts';

const WINDOW = 256 * 1024;

/** A peer that serves `count`: numbers without end, or up to the input; it keeps what its generators did. */
async function counting(options: OpenOptions): Promise<Peer> {
  const peer = await Peer.open({ name: 'server', ...options });
  await peer.run(async ({ bus, kept }) => {
    kept.yielded = 0;
    kept.ended = 0;
    kept.aborted = 0;
    await bus.serveStream('count', async function* (to: number, { signal }) {
      signal.addEventListener('abort', () => {
        kept.aborted++;
        kept.abortedAt = process.hrtime.bigint();
      });
      try {
        for (let n = 1; n <= to; n++) {
          kept.yielded++;
          yield n;
        }
        return 'done';
      } finally {
        kept.ended++;
      }
    }).ready;
  });
  return peer;
}

/** Asserts that all numbers come in order; returns how many. */
async function readAll(opened: OpenedStream<number>, each?: (n: number) => unknown): Promise<number> {
  let count = 0;
  for await (const n of opened) {
    if (n !== ++count) throw new Error(`${n} came as number ${count}`);
    await each?.(n);
  }
  return count;
}

test('200,000 chunks arrive in order, then the result', async () => {
  const directory = scratch();
  const bus = await open({ directory });
  const peer = await counting({ directory });
  const opened = bus.open<number, number, string>('count', 200_000);
  expect(await readAll(opened)).toBe(200_000);
  expect(await opened.result).toBe('done');
  await until(async () => (await peer.run(({ kept }) => kept.ended as number)) === 1);
  await peer.run(({ bus }) => bus.drain());
  await bus.drain();
  expectBalanced(bus.counters);
});

test('a slow reader bounds the producer, whatever it could give', async () => {
  const directory = scratch();
  const bus = await open({ directory });
  const peer = await counting({ directory });
  const opened = bus.open<number, number, string>('count', 1e9);
  let most = 0;
  for (let taken = 0; taken < 20_000; taken++) {
    await opened.next();
    if (taken % 1000 > 0) continue;
    // Slow: the producer has all the time to run ahead.
    await new Promise((resolve) => setTimeout(resolve, 5));
    most = Math.max(most, (await peer.run(({ kept }) => kept.yielded as number)) - taken);
  }
  // A number and its overhead are at least 65 bytes.
  expect(most).toBeLessThanOrEqual(WINDOW / 65 + 2);
  expect(most).toBeGreaterThan(1000);
  await opened.return();
  await until(async () => (await peer.run(({ kept }) => kept.ended as number)) === 1);
});

test('a cancel is at the generator within milliseconds', async () => {
  const directory = scratch();
  const bus = await open({ directory });
  const peer = await counting({ directory });
  const times: number[] = [];
  for (let round = 1; round <= 20; round++) {
    const opened = bus.open<number, number, string>('count', 1e9);
    for (let n = 0; n < 5000; n++) await opened.next();
    const cancelled = process.hrtime.bigint();
    await opened.return();
    await until(async () => (await peer.run(({ kept }) => kept.ended as number)) === round);
    times.push(Number((await peer.run(({ kept }) => kept.abortedAt as bigint)) - cancelled) / 1e6);
  }
  // The clock of both processes is the machine's; other work on the machine may hold single rounds up.
  expect(times.toSorted((a, b) => a - b)[10]).toBeLessThan(5);
});

describe('the end of', () => {
  test('the producer ends the consumer: PEER_GONE, after what had come', async () => {
    const directory = scratch();
    const bus = await open({ directory });
    const peer = await counting({ directory });
    const opened = bus.open<number, number, string>('count', 1e9);
    let last = 0;
    const reading = readAll(opened, (n) => {
      last = n;
      return n % 1000 === 0 ? new Promise((resolve) => setTimeout(resolve, 1)) : undefined;
    });
    const gone = refusal(reading, 'PEER_GONE');
    await until(() => last > 10_000);
    await peer.kill();
    expect((await gone).outcome).toBe('unknown');
    await refusal(opened.result, 'PEER_GONE');
  });

  test('the consumer ends the generator', async () => {
    const directory = scratch();
    const peer = await counting({ directory });
    const reader = await Peer.open({ name: 'reader', directory });
    await reader.run(async ({ bus, kept }) => {
      kept.opened = bus.open('count', 1e9);
      for (let n = 0; n < 1000; n++) await kept.opened.next();
    });
    await reader.kill();
    await until(() => peer.run(({ kept }) => kept.ended === 1 && kept.aborted === 1));
  });
});

test('when routes are cut again and again, every chunk arrives once, in order', async () => {
  const directory = scratch();
  const bus = await open({ directory, transports: ['uds', 'uds2'] });
  const peer = await counting({ directory, transports: ['uds', 'uds2'] });
  let cuts = 0;
  const opened = bus.open<number, number, string>('count', 100_000);
  const count = await readAll(opened, async (n) => {
    if (n % 10_000 !== 5000) return;
    cuts += await peer.run(({ cut }, kind) => cut(kind), cuts % 2 === 0 ? 'uds' : 'uds2');
  });
  expect(count).toBe(100_000);
  expect(await opened.result).toBe('done');
  expect(cuts).toBeGreaterThan(1);
});

test('within a process it takes the memory transport, with the same order and end', async () => {
  const directory = scratch();
  const bus = await open({ name: 'reader', directory, transports: ['memory'] });
  const other = await open({ name: 'server', directory, transports: ['memory'] });
  let ended = 0;
  await other.serveStream('count', async function* (to: number) {
    try {
      for (let n = 1; n <= to; n++) yield n;
    } finally {
      ended++;
    }
  }).ready;
  expect(await readAll(bus.open<number, number, unknown>('count', 50_000))).toBe(50_000);
  for await (const n of bus.open<number, number, unknown>('count', 1e9)) if (n === 5) break;
  await until(() => ended === 2);
});
