import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { between, random, type Tally } from '@busbar/conformance/campaigns';
import { isBusError, OK } from '@busbar/core/contract';
import { DAMAGED, LogReader, LogWriter, repairLog } from '@busbar/log';
import { available } from '@busbar/native';
import { campaign } from '../campaign.ts';
import { DAMAGES, damage } from '../log/damage.ts';
import { Evidence } from '../log/evidence.ts';
import { type LogImage, layDown, makeImage, SEGMENT_BYTES } from '../log/log-image.ts';
import { isRecordContent, recordContent } from '../log/record-content.ts';

const TRIALS_AN_IMAGE = 100;
/** Records appended to what was recovered. */
const APPENDED = 3;
/** Offset of the sequence that a segment follows. */
const FOLLOWS = 24;

/**
 * Logs as a machine, a disk or a person may leave them: torn at blocks of 512 and 4096 bytes, with flipped bits, cut, with
 * garbage, without a header. Shown for each: what is read is what was appended, in order, from the first record to the one
 * before the first that is missing; a loss of what had been on the disk is told from an end that was not, by what the
 * surviving records say; where the log is refused nothing was changed; what is appended then is read, under sequences
 * that nobody had. A hit is an image in which a record was missing.
 */
export const logImages = campaign({
  name: 'log/images',
  smoke: 1_000,
  full: 100_000,
  async execute(tally, trials, seed) {
    await available();
    const next = random(seed);
    const folder = mkdtempSync(path.join(tmpdir(), 'log-'));
    try {
      let refused = 0;
      for (let image = await makeImage(folder, next); tally.trials < trials; tally.trials++) {
        if (await tryImage(tally, path.join(folder, 'log'), image, next)) refused++;
        if (tally.trials % TRIALS_AN_IMAGE === 0) image = await makeImage(folder, next);
      }
      tally.measure('refused', refused);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

async function tryImage(tally: Tally, directory: string, image: LogImage, next: () => number): Promise<boolean> {
  const kind = DAMAGES[between(next, 0, DAMAGES.length - 1)];
  const evidence = new Evidence(image, damage(kind, image, next));
  const where = `trial ${tally.trials}, ${kind}`;
  layDown(directory, image, evidence.segments);
  if (evidence.missing.length > 0) tally.hits++;
  let writer: LogWriter | undefined;
  try {
    writer = LogWriter.open(directory, { segmentBytes: SEGMENT_BYTES });
  } catch (error) {
    if (!isBusError(error) || (error.code !== 'CORRUPT' && error.code !== 'VERSION_MISMATCH')) throw error;
    if (!evidence.justifiesRefusal) tally.find(`${where}: an end was taken for a loss: ${error.message}`);
    const untouched = image.names.every((name, i) =>
      readFileSync(path.join(directory, name)).equals(evidence.segments[i]),
    );
    const others = readdirSync(directory).length - image.names.length;
    tally.expect(untouched && others === 1, `${where}: refused, and changed`);
    await checkRepair(tally, where, directory, evidence.survivors);
    return true;
  }
  if (writer === undefined) throw new Error('nobody else writes there');
  const first = writer.last + 1;
  for (let n = first; n < first + APPENDED; n++) {
    if (writer.claim(50) !== OK) throw writer.trouble ?? new Error('no room');
    writer.frame.u8.set(recordContent(n, 50), writer.offset);
    writer.commit(50, n);
  }
  await writer.close();
  if (first <= evidence.count) tally.count('corrupt', 1, `${where}: sequence ${first} is given again`);
  if (checkReading(tally, where, directory, evidence, first)) {
    const appended = Array.from({ length: APPENDED }, (_, i) => first + i);
    // What lay behind a hole that was no loss has been dropped.
    const kept = evidence.survivors.filter((sequence) => sequence < endBefore(directory, first));
    await checkRepair(tally, where, directory, [...kept, ...appended]);
  }
  return false;
}

/** True: the reader stopped at damage. */
function checkReading(tally: Tally, where: string, directory: string, evidence: Evidence, first: number): boolean {
  const all = readFrom(directory, 1);
  tally.count('corrupt', all.wrong, `${where}: a record that nobody appended`);
  const kept = all.sequences.filter((sequence) => sequence < first);
  const missing = evidence.missing.at(0);
  const expected = missing === undefined ? evidence.count : missing - 1;
  tally.count('lost', Math.max(0, expected - kept.length), `${where}: ${kept.length} of ${expected} are left`);
  tally.expect(kept.length <= expected, `${where}: ${kept.length} are read, ${expected} are there`);
  tally.count('reordered', kept.filter((sequence, i) => sequence !== i + 1).length, where);
  if (missing !== undefined && evidence.isLoss(missing))
    tally.expect(all.damaged, `${where}: a loss was taken for an end: record ${missing} had been on the disk`);
  else if (evidence.headersAreWhole) tally.expect(!all.damaged, `${where}: the reader does not come to the end`);
  const late = readFrom(directory, first);
  const appended = Array.from({ length: APPENDED }, (_, i) => first + i).join();
  const found = late.sequences.join();
  tally.expect(found === appended, `${where}: ${found} are read of ${appended}`);
  return all.damaged;
}

/** Every whole record is read after it, and what is appended then. */
async function checkRepair(
  tally: Tally,
  where: string,
  directory: string,
  survivors: readonly number[],
): Promise<void> {
  const repaired = repairLog(directory);
  tally.expect(repaired !== undefined && repaired.putAside.length > 0, `${where}: there was nothing to repair`);
  const writer = LogWriter.open(directory, { segmentBytes: SEGMENT_BYTES });
  if (writer === undefined) throw new Error('nobody else writes there');
  const next = writer.last + 1;
  if (writer.claim(50) !== OK) throw writer.trouble ?? new Error('no room');
  writer.frame.u8.set(recordContent(next, 50), writer.offset);
  writer.commit(50, next);
  await writer.close();
  const { sequences, wrong, damaged } = readFrom(directory, 1);
  tally.count('corrupt', wrong, `${where}: a record that nobody appended, after a repair`);
  tally.expect(!damaged, `${where}: damage is left after a repair`);
  const expected = [...survivors, next].join();
  const found = sequences.join();
  tally.expect(found === expected, `${where}: after a repair ${found} are read of ${expected}`);
}

/** Sequence of the record that would have come before the segment that begins with `first`. */
function endBefore(directory: string, first: number): number {
  const file = path.join(directory, `${String(first).padStart(20, '0')}.seg`);
  return Number(readFileSync(file).readBigUInt64LE(FOLLOWS));
}

interface Reading {
  readonly sequences: number[];
  readonly wrong: number;
  readonly damaged: boolean;
}

function readFrom(directory: string, start: number): Reading {
  const reader = new LogReader(directory, start);
  const sequences: number[] = [];
  let wrong = 0;
  let length = reader.next();
  for (; length > 0; length = reader.next()) {
    sequences.push(reader.sequence);
    if (!isRecordContent(reader.sequence, reader.frame.u8.subarray(reader.offset, reader.offset + length))) wrong++;
  }
  reader.close();
  return { sequences, wrong, damaged: length === DAMAGED };
}
