import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { available } from '@busbar/native';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { inspectLog, LogWriter, NOTHING, repairLog } from '../src/index.ts';
import { append, files, range, read, readAll, scratch, write } from './scratch.ts';

const SMALL = { segmentBytes: 65_536 };
/** Records of 1000 bytes in a small segment, and bytes of one. */
const FULL = 59;
const RECORD = 1032;

let directory: string;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

beforeEach(async () => {
  directory = path.join(scratch(), 'audit');
  const writer = write(directory, SMALL);
  for (let n = 1; n <= 2 * FULL + 10; n++) append(writer, 1000);
  const synced = new Promise<void>((resolve) => writer.onSynced(resolve));
  writer.sync();
  await synced;
  append(writer, 1000);
  await writer.close();
});

function segments(): string[] {
  return files(directory).filter((name) => name.endsWith('.seg'));
}

function overwrite(segment: number, offset: number, byte: number): void {
  const fd = openSync(path.join(directory, segments()[segment]), 'r+');
  writeSync(fd, Uint8Array.of(byte), 0, 1, offset);
  closeSync(fd);
}

test('a log that is whole: everything is told of it, and nothing to repair', () => {
  const report = inspectLog(directory);
  expect(report).toMatchObject({ records: 2 * FULL + 11, lost: [] });
  expect(report.segments.map(({ first, sealed, runs }) => [first, sealed, runs.length])).toEqual([
    [1, true, 1],
    [FULL + 1, true, 1],
    [2 * FULL + 1, false, 1],
  ]);
  expect(report.segments[2].header).toMatchObject({ follows: 2 * FULL + 1, lost: 0, bytes: 65_536 });
  const before = files(directory).map((name) => readFileSync(path.join(directory, name)).toString('base64'));
  expect(repairLog(directory)).toEqual({ lost: [], putAside: [] });
  expect(files(directory).map((name) => readFileSync(path.join(directory, name)).toString('base64'))).toEqual(before);
});

test('damage in the middle, in a header and at the end: what is whole is read, what is not is counted', async () => {
  overwrite(0, 4096 + 10 * RECORD + 500, 0xee);
  overwrite(1, 17, 0xee);
  overwrite(2, 4096 + 4 * RECORD + 500, 0xee);
  expect(() => LogWriter.open(directory)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  const lost = [
    { from: 11, to: 11 },
    { from: 2 * FULL + 5, to: 2 * FULL + 5 },
  ];
  const report = inspectLog(directory);
  expect(report.lost).toEqual(lost);
  expect(report.segments.map(({ damage, runs }) => [damage?.code, runs.length])).toEqual([
    [undefined, 2],
    ['CORRUPT', 1],
    [undefined, 2],
  ]);
  const names = segments();
  const repaired = repairLog(directory);
  expect(repaired?.lost).toEqual(lost);
  expect(repaired?.putAside.map((file) => path.basename(file))).toEqual(names);
  expect(readdirSync(path.join(directory, 'damaged')).sort()).toEqual(names);
  const writer = write(directory, SMALL);
  expect(writer.last).toBe(2 * FULL + 11);
  append(writer, 10);
  const reader = read(directory);
  const sequences = range(1, 2 * FULL + 12).filter((n) => n !== 11 && n !== 2 * FULL + 5);
  expect(readAll(reader)).toEqual({ sequences, wrong: [], end: NOTHING });
  expect(reader.missed).toBe(2);
  // It is as whole as it can be.
  await writer.close();
  expect(inspectLog(directory)).toMatchObject({ records: sequences.length, lost });
  expect(repairLog(directory)).toEqual({ lost, putAside: [] });
});

test('not while somebody writes', () => {
  write(directory, SMALL);
  expect(repairLog(directory)).toBeUndefined();
});
