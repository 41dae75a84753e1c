import { closeSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { BusError } from '@busbar/core/contract';
import { available } from '@busbar/native';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NOTHING } from '../src/index.ts';
import { RECORDS_OFFSET, SEALED, SKIPPED_AFTER_RESTART } from '../src/log-layout.ts';
import { type Recovered, recover } from '../src/recovery.ts';
import { bootId } from '../src/segment.ts';
import { append, range, read, readAll, scratch, withChecksum, write } from './scratch.ts';

const SMALL = { segmentBytes: 65_536 };
/** Bytes of a record with a frame of 1000. */
const RECORD = 1032;
/** Records of 1000 bytes in a small segment. */
const FULL = Math.floor((65_536 - 4096 - 8) / RECORD);
const ANOTHER_BOOT = '0'.repeat(32);

let directory: string;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

beforeEach(() => {
  directory = path.join(scratch(), 'audit');
});

/** A log of `count` records, the first `synced` of which are on the disk, as later ones say. */
async function logOf(count: number, synced = 0): Promise<void> {
  const writer = write(directory, SMALL);
  for (let n = 1; n <= count; n++) {
    append(writer, 1000);
    if (n !== synced) continue;
    const done = new Promise<void>((resolve) => writer.onSynced(resolve));
    writer.sync();
    await done;
  }
  await writer.close();
}

function segments(): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .sort();
}

function overwrite(segment: number, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path.join(directory, segments()[segment]), 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

/** Offset of record `index`, from 0 on, of a segment. */
const at = (index: number): number => RECORDS_OFFSET + index * RECORD;

function contents(): string[] {
  return readdirSync(directory)
    .sort()
    .map((name) => `${name} ${readFileSync(path.join(directory, name)).toString('base64')}`);
}

function recovered(boot = ANOTHER_BOOT): Omit<Recovered, 'segment'> {
  const { segment, ...rest } = recover(directory, boot);
  segment?.close();
  return rest;
}

describe('after the end of a process', () => {
  test('what it was writing has not been: the next writer goes on with the same sequence', async () => {
    await logOf(10);
    // All but the length, which comes last.
    overwrite(0, at(10) + 4, new Uint8Array(900).fill(0xee));
    const writer = write(directory, SMALL);
    expect([writer.last, writer.recovered]).toEqual([10, { end: 'torn', dropped: 0 }]);
    for (let n = 0; n < 3; n++) append(writer, 8);
    expect(readAll(read(directory))).toEqual({ sequences: range(1, 13), wrong: [], end: NOTHING });
  });

  test('between the name of a new segment and the word that leads there, nothing is lost', async () => {
    await logOf(FULL + 1);
    const [first, second] = segments();
    expect(Number(second.slice(0, 20))).toBe(FULL + 1);
    // As if it had only been named.
    overwrite(0, at(FULL), new Uint8Array(4));
    overwrite(1, at(0), new Uint8Array(RECORD));
    const writer = write(directory, SMALL);
    expect(writer.last).toBe(FULL);
    append(writer, 8);
    expect(segments()[0]).toBe(first);
    expect(readAll(read(directory))).toEqual({ sequences: range(1, FULL + 1), wrong: [], end: NOTHING });
  });

  test('a segment that was not named yet is made anew', async () => {
    await logOf(10);
    writeFileSync(path.join(directory, 'next-1.tmp'), 'half');
    const writer = write(directory, SMALL);
    for (let n = 0; n < 2 * FULL; n++) append(writer, 1000);
    expect(readAll(read(directory)).sequences).toEqual(range(1, 10 + 2 * FULL));
  });
});

describe('after the end of the machine', () => {
  test.each([
    ['the last record', 9, 9],
    ['one before, and none after it was on the disk', 5, 10],
  ])('%s did not come to the disk: it and what follows is dropped', async (_, index, dropped) => {
    await logOf(10);
    overwrite(0, at(index), new Uint8Array(RECORD));
    const result = recovered();
    expect(result).toEqual({
      position: at(index),
      next: index + 1,
      synced: 0,
      end: dropped === 10 ? 'hole' : 'clean',
      dropped: dropped === 10 ? 10 : 0,
    });
    const bytes = readFileSync(path.join(directory, segments()[0]));
    expect(bytes.subarray(at(index)).every((byte) => byte === 0)).toBe(true);
    expect(readAll(read(directory))).toEqual({ sequences: range(1, index), wrong: [], end: NOTHING });
  });

  test('what had been on the disk and is not is a loss, said so, and nothing is changed', async () => {
    await logOf(10, 6);
    overwrite(0, at(3) + 500, Uint8Array.of(1, 2, 3));
    const before = contents();
    let error: unknown;
    try {
      recovered();
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(BusError);
    expect(error).toMatchObject({ code: 'CORRUPT', data: { from: 4, to: 4 }, where: expect.stringContaining('.seg') });
    expect(contents()).toEqual(before);
  });

  test('of several segments what is on the disk is not read again, the rest is', async () => {
    await logOf(3 * FULL + 5, FULL + 10);
    // Before what is known to be on the disk: a reader will find it.
    overwrite(0, at(2) + 100, Uint8Array.of(9));
    expect(recovered()).toMatchObject({ next: 3 * FULL + 6, end: 'clean' });
    // Behind it, with whole records in the segments that follow: those go with it.
    overwrite(1, at(20) + 100, Uint8Array.of(9));
    expect(recovered()).toMatchObject({ next: FULL + 21, end: 'hole', dropped: 3 * FULL + 5 });
    expect(segments()).toHaveLength(2);
    expect(readAll(read(directory, 5))).toEqual({ sequences: range(5, FULL + 20), wrong: [], end: NOTHING });
  });

  test('a segment whose header did not come to the disk is dropped, unless something of it was promised', async () => {
    await logOf(FULL + 5);
    overwrite(1, 0, new Uint8Array(4096));
    expect(recovered()).toMatchObject({ next: FULL + 1, end: 'hole', dropped: FULL + 5 });
    expect(segments()).toHaveLength(1);
  });

  test('the same of a log that had only that segment', async () => {
    await logOf(5);
    overwrite(0, 0, new Uint8Array(65_536));
    expect(recovered()).toMatchObject({ position: 0, next: 1, end: 'hole' });
    expect(segments()).toEqual([]);
  });

  test.each([0, 100, 4096, 4100, at(4), at(4) + 10, 60_000])(
    'a file that was cut to %i bytes loses what is not there, no more',
    async (size) => {
      await logOf(10);
      truncateSync(path.join(directory, segments()[0]), size);
      const kept = Math.max(0, Math.min(10, Math.floor((size - RECORDS_OFFSET) / RECORD)));
      recovered();
      expect(readAll(read(directory)).sequences).toEqual(range(1, kept));
    },
  );

  test('a cut that takes what had been on the disk away is a loss where a later record says so', async () => {
    await logOf(2 * FULL, FULL + 1);
    truncateSync(path.join(directory, segments()[0]), at(3));
    // The later segment begins after the sync, so the first one is not read again: its reader finds the gap.
    const before = contents();
    expect(() => recovered()).not.toThrow();
    expect(contents()).toEqual(before);
  });
});

test('the writer that comes then begins a segment of its own, far away', async () => {
  await logOf(10);
  const [name] = segments();
  // The segment of another start of the machine.
  const file = path.join(directory, name);
  const bytes = readFileSync(file);
  const { segment } = recover(directory, bootId());
  segment?.close();
  bytes.fill(0, 64, 80);
  writeFileSync(file, withChecksum(bytes));
  const writer = write(directory, SMALL);
  expect(writer.last).toBe(10 + SKIPPED_AFTER_RESTART);
  append(writer, 8);
  const all = readAll(read(directory));
  expect(all.sequences).toEqual([...range(1, 10), 11 + SKIPPED_AFTER_RESTART]);
  expect(all.wrong).toEqual([]);
  expect(new Int32Array(readFileSync(file).buffer.slice(0), 0)[at(10) >> 2]).toBe(SEALED);
  const late = read(directory, 11);
  expect([late.next(), late.missed]).toEqual([8, 0]);
});
