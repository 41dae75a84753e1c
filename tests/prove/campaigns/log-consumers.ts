import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { between, random, type Tally } from '@busbar/conformance/campaigns';
import { OK } from '@busbar/core/contract';
import { Cursor, LogWriter } from '@busbar/log';
import { available, createSharedMemory } from '@busbar/native';
import { campaign } from '../campaign.ts';
import { fillRecord } from '../log/record-content.ts';
import { withParticipants } from '../participant.ts';
import { HANDLED_BYTES, WRONG } from '../roles/log-consumer.ts';

/** Kills of consumers with one cursor, one after the other; each goes on where the one before was stopped. */
const LIVES = 10;
const AT_ONCE = 4;
const RECORDS_A_LIFE = 500;
const LARGEST = 300;

/**
 * Consumers are killed at random moments, while the log grows: the next one with the same cursor goes on, and in the end every
 * record was handled; what the cursor says to be done was. A hit is a kill after which a record was handled again.
 */
export const logConsumers = campaign({
  name: 'log/consumers',
  smoke: 40,
  full: 1_000,
  async execute(tally, trials, seed) {
    await available();
    const next = random(seed);
    while (tally.trials < trials) {
      const logs = Math.min(AT_ONCE, Math.ceil((trials - tally.trials) / LIVES));
      await Promise.all(Array.from({ length: logs }, () => oneLog(tally, trials, next)));
    }
  },
});

async function oneLog(tally: Tally, trials: number, next: () => number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'log-'));
  const [directory, file] = [path.join(folder, 'log'), path.join(folder, 'cursor')];
  const shared = createSharedMemory('log-consumers', HANDLED_BYTES);
  const handled = new Uint8Array(shared.buffer);
  const writer = LogWriter.open(directory, { segmentBytes: 65_536 });
  if (writer === undefined) throw new Error('nobody else writes there');
  const again = (): number => handled.subarray(1).reduce((sum, count) => sum + Math.max(0, count - 1), 0);
  try {
    for (let life = 0; life < LIVES && tally.trials < trials; life++) {
      tally.trials++;
      const before = again();
      await withConsumer(directory, file, shared.descriptor, async (check) => {
        const first = writer.last + 1;
        const wanted = between(next, 1, RECORDS_A_LIFE);
        for (let appended = 0; appended < 2 * RECORDS_A_LIFE; check()) {
          for (let n = between(next, 1, 20); n > 0; n--, appended++) append(writer, between(next, 1, LARGEST));
          await new Promise((resolve) => setImmediate(resolve));
        }
        while (handled[first + wanted] === 0) {
          check();
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      const cursor = Cursor.open(file);
      if (cursor === undefined) throw new Error('the lock of a dead consumer is held');
      for (let sequence = 1; sequence <= writer.last; sequence++)
        if (cursor.isDone(sequence) && handled[sequence] === 0)
          tally.count('lost', 1, `record ${sequence} was not handled`);
      cursor.close();
      if (again() > before) tally.hits++;
    }
    await withConsumer(directory, file, shared.descriptor, async (check) => {
      const isLeft = (): boolean => handled.subarray(1, writer.last + 1).includes(0);
      for (const until = performance.now() + 5000; isLeft() && performance.now() < until; check()) await setTimeout(1);
    });
    const left = handled.subarray(1, writer.last + 1).filter((count) => count === 0).length;
    tally.count('lost', left, 'never handled');
    tally.count('corrupt', handled[WRONG], 'records that nobody appended');
    tally.measure('handledAgain', again());
  } finally {
    await writer.close();
    shared.close();
    rmSync(folder, { recursive: true });
  }
}

/** Runs a consumer while `work` is under way, and kills it. `check` throws what ended it before. */
async function withConsumer(
  directory: string,
  file: string,
  descriptor: number,
  work: (check: () => void) => Promise<void>,
): Promise<void> {
  await withParticipants(async (_, start) => {
    const consumer = start('log-consumer');
    let failure: Error | undefined;
    const ended = consumer.call('handle', directory, file, process.pid, descriptor).catch((error: Error) => {
      failure = error;
    });
    await work(() => {
      if (failure !== undefined) throw failure;
    });
    await consumer.kill();
    await ended;
  });
}

function append(writer: LogWriter, bytes: number): void {
  if (writer.claim(bytes) !== OK) throw writer.trouble ?? new Error('no room');
  fillRecord(writer.last + 1, writer.frame.u8.subarray(writer.offset, writer.offset + bytes));
  writer.commit(bytes, 1);
}
