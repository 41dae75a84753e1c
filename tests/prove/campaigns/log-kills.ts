import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { between, random, type Tally } from '@busbar/conformance/campaigns';
import { DAMAGED, LogReader, LogWriter } from '@busbar/log';
import { available, createSharedMemory } from '@busbar/native';
import { campaign } from '../campaign.ts';
import { isRecordContent } from '../log/record-content.ts';
import { withParticipants } from '../participant.ts';
import { COMMITTED, SYNCED } from '../roles/log-writer.ts';

const SEGMENT_BYTES = 262_144;
/** Long frames, written many times over, keep a writer in the window between claim and commit for most of its time. */
const SIZES = [40_000, 100, 7, 60_000];
/** Of every second life, so that what a killed writer has left lies beyond the records that come in its place. */
const OTHER_SIZES = [9, 1_000, 7];
const TIMES = 5;
/** Kills of writers of one log, one after the other; each goes on where the one before was stopped. */
const LIVES = 10;
const AT_ONCE = 4;

/**
 * Writers are killed at random moments, again and again: what they had committed is read whole and in order by who was
 * there before and by who comes later, the frame under way never, and the next one goes on with the sequence after it. A hit
 * is a kill that left a half-written record behind.
 */
export const logKills = campaign({
  name: 'log/kills',
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
  const directory = path.join(folder, 'log');
  const shared = createSharedMemory('log-kills', 4096);
  const told = new Float64Array(shared.buffer);
  const live = new LogReader(directory);
  try {
    for (let life = 0; life < LIVES && tally.trials < trials; life++) {
      tally.trials++;
      const before = told[COMMITTED];
      const sizes = life % 2 === 0 ? SIZES : OTHER_SIZES;
      await withParticipants(async (_, start) => {
        const writer = start('log-writer');
        const appending = writer.call('append', directory, SEGMENT_BYTES, sizes, TIMES, process.pid, shared.descriptor);
        let failure: Error | undefined;
        const ended = appending.catch((error: Error) => {
          failure = error;
        });
        const wanted = before + between(next, 1, 40);
        while (told[COMMITTED] < wanted && failure === undefined) await setTimeout(1);
        if (failure !== undefined) throw failure;
        const until = performance.now() + next() * 5;
        while (performance.now() < until) follow(tally, live);
        await writer.kill();
        await ended;
      });
      follow(tally, live);
      await checkLog(tally, directory, told[COMMITTED], told[SYNCED]);
    }
  } finally {
    live.close();
    shared.close();
    rmSync(folder, { recursive: true });
  }
}

/** Reads on, to the end there is now. */
function follow(tally: Tally, reader: LogReader): void {
  for (;;) {
    const { position } = reader;
    const length = reader.next();
    if (length === DAMAGED) throw reader.damage;
    if (length <= 0) return;
    if (position > 0 && reader.sequence < position) tally.count('reordered', 1);
    if (!isRecordContent(reader.sequence, reader.frame.u8.subarray(reader.offset, reader.offset + length)))
      tally.count('corrupt', 1, `record ${reader.sequence}`);
  }
}

async function checkLog(tally: Tally, directory: string, committed: number, synced: number): Promise<void> {
  const writer = LogWriter.open(directory, { segmentBytes: SEGMENT_BYTES });
  if (writer === undefined) {
    tally.count('wedged', 1, 'the lock of a dead writer is held');
    return;
  }
  const { last, recovered } = writer;
  await writer.close();
  if (recovered.end === 'torn') tally.hits++;
  tally.expect(recovered.end !== 'hole', 'a process that was killed left a hole');
  tally.count(
    'lost',
    Math.max(0, committed - last),
    `the writer had committed ${committed}, the log ends with ${last}`,
  );
  // It is killed between the commit and its word.
  tally.expect(last <= committed + 1, `the log ends with ${last}, and ${committed} was the last commit`);
  tally.expect(synced <= last, `${synced} was said to be on the disk of ${last}`);
  const reader = new LogReader(directory);
  for (let before = 0; ; before = reader.sequence) {
    const length = reader.next();
    if (length <= 0) {
      tally.expect(length !== DAMAGED, `damage: ${reader.damage?.message}`);
      break;
    }
    if (before > 0 && reader.sequence !== before + 1) tally.count('reordered', 1, `${reader.sequence} after ${before}`);
    if (!isRecordContent(reader.sequence, reader.frame.u8.subarray(reader.offset, reader.offset + length)))
      tally.count('corrupt', 1, `record ${reader.sequence}`);
  }
  tally.count('lost', last - reader.sequence, `the last that is read is ${reader.sequence} of ${last}`);
  reader.close();
}
