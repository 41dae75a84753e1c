import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { BACK_PRESSURED, CLOSED, OK, TOO_LARGE } from '@busbar/core/contract';
import { available } from '@busbar/native';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAMAGED, LogReader, LogWriter, NOTHING } from '../src/index.ts';
import { maxLogFrame } from '../src/log-layout.ts';
import { append, content, files, range, read, readAll, scratch, withChecksum, write } from './scratch.ts';

/** The smallest there is. */
const SMALL = { segmentBytes: 65_536 };

let directory: string;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

beforeEach(() => {
  directory = path.join(scratch(), 'audit');
});

describe('records', () => {
  test('of all sizes are read as they were written, with sequence and time', () => {
    const writer = write(directory);
    const sizes = [1, 7, 8, 9, 100, 256, 257, 512, 513, 4096, 100_000, 1_000_001];
    for (const [i, bytes] of sizes.entries()) expect(append(writer, bytes, 1_700_000_000_000 + i)).toBe(OK);
    expect(writer.last).toBe(sizes.length);
    const reader = read(directory);
    for (const [i, bytes] of sizes.entries()) {
      expect(reader.next()).toBe(bytes);
      expect([reader.sequence, reader.time]).toEqual([i + 1, 1_700_000_000_000 + i]);
      const frame = reader.frame.u8.subarray(reader.offset, reader.offset + bytes);
      expect(Buffer.compare(frame, content(i + 1, bytes))).toBe(0);
    }
    expect(reader.next()).toBe(NOTHING);
  });

  test('are seen by a reader that waits at the end, one after the other, over the ends of segments', () => {
    const writer = write(directory, SMALL);
    const reader = read(directory);
    expect(reader.next()).toBe(NOTHING);
    for (let n = 1; n <= 500; n++) {
      while (append(writer, 1000) === BACK_PRESSURED) throw new Error('the disk is full');
      expect([reader.next(), reader.sequence, reader.next()]).toEqual([1000, n, NOTHING]);
    }
    expect(files(directory).filter((name) => name.endsWith('.seg')).length).toBeGreaterThan(5);
  });

  test('a claim that is shortened or given back leaves nothing behind', () => {
    const writer = write(directory, SMALL);
    writer.claim(5000);
    writer.frame.u8.fill(0xff, writer.offset, writer.offset + 5000);
    writer.commit(3, 1);
    writer.claim(9000);
    writer.frame.u8.fill(0xff, writer.offset, writer.offset + 9000);
    writer.abort();
    const reader = read(directory);
    expect([reader.next(), reader.next()]).toEqual([3, NOTHING]);
    expect(append(writer, 10)).toBe(OK);
    expect([reader.next(), reader.next()]).toEqual([10, NOTHING]);
    const [segment] = files(directory);
    const bytes = readFileSync(path.join(directory, segment));
    const end = 4096 + 40 + 48;
    expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
  });

  test('that no segment takes are TOO_LARGE; the largest fits', () => {
    const writer = write(directory, SMALL);
    expect(writer.maxFrameLength).toBe(maxLogFrame(65_536));
    expect(writer.claim(writer.maxFrameLength + 1)).toBe(TOO_LARGE);
    expect(append(writer, 1)).toBe(OK);
    expect(append(writer, writer.maxFrameLength)).toBe(OK);
    expect(readAll(read(directory))).toEqual({ sequences: [1, 2], wrong: [], end: NOTHING });
  });

  test('any number of readers begin where they want', () => {
    const writer = write(directory, SMALL);
    for (let n = 0; n < 300; n++) append(writer, 1000);
    expect(readAll(read(directory, 'start')).sequences).toEqual(range(1, 300));
    for (const start of [1, 2, 63, 64, 65, 150, 300]) {
      const reader = read(directory, start);
      expect(reader.position).toBe(start);
      expect(readAll(reader).sequences).toEqual(range(start, 300));
    }
    const [late, future] = [read(directory, 'end'), read(directory, 301)];
    expect([late.position, late.next(), future.next()]).toEqual([301, NOTHING, NOTHING]);
    append(writer, 10);
    expect([late.next(), late.sequence, future.next(), future.sequence]).toEqual([10, 301, 10, 301]);
  });

  test('a reader may wait for a log that nobody has begun', () => {
    const reader = read(directory);
    const late = read(directory, 'end');
    expect([reader.next(), late.next()]).toEqual([NOTHING, NOTHING]);
    const writer = write(directory);
    expect([reader.next(), late.next()]).toEqual([NOTHING, NOTHING]);
    append(writer, 10);
    expect([reader.next(), late.next()]).toEqual([10, 10]);
  });
});

describe('one writer at a time', () => {
  test('the second is told so; when the first is closed it goes on where that ended', async () => {
    const first = write(directory, SMALL);
    for (let n = 0; n < 100; n++) append(first, 1000);
    expect(LogWriter.open(directory)).toBeUndefined();
    await first.close();
    await first.close();
    expect(first.claim(1)).toBe(CLOSED);
    const second = write(directory, SMALL);
    expect([second.last, second.recovered]).toEqual([100, { end: 'clean', dropped: 0 }]);
    append(second, 1000);
    expect(readAll(read(directory))).toEqual({ sequences: range(1, 101), wrong: [], end: NOTHING });
  });

  test('an option that makes no sense is refused', () => {
    for (const segmentBytes of [0, 4096, 65_537, 2 ** 31, Number.NaN])
      expect(() => LogWriter.open(directory, { segmentBytes })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', where: directory }),
      );
  });

  test('nothing is left open', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split(directory).length - 1;
    const before = descriptors();
    const writer = LogWriter.open(directory, SMALL) as LogWriter;
    const reader = new LogReader(directory);
    for (let n = 0; n < 300; n++) append(writer, 1000);
    readAll(reader);
    writer.sync();
    await writer.close();
    reader.close();
    expect([descriptors(), mappings()]).toEqual([before, 0]);
    expect(files(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('the disk', () => {
  test('a sync covers everything committed before it, in groups', async () => {
    const writer = write(directory, SMALL);
    const synced: number[] = [];
    const reached = (sequence: number): Promise<void> =>
      new Promise((resolve) => {
        writer.onSynced(() => {
          synced.push(writer.synced);
          if (writer.synced >= sequence) resolve();
        });
      });
    expect(writer.synced).toBe(0);
    const all = reached(300);
    for (let n = 0; n < 300; n++) {
      append(writer, 1000);
      writer.sync();
    }
    await all;
    expect(synced.length).toBeLessThan(10);
    append(writer, 10);
    const next = reached(301);
    writer.sync();
    await next;
    // The record says what was on the disk when it was written.
    const reader = read(directory, 301);
    reader.next();
    expect(reader.frame.i32[16 >> 2]).toBe(300);
  });
});

test('what an earlier writer has not brought to the disk, the next one does, before it says that anything is there', async () => {
  const segments = (): number => {
    const fds = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    return fds.filter((target) => target.startsWith(directory) && target.endsWith('.seg')).length;
  };
  const first = write(directory, SMALL);
  for (let n = 0; n < 200; n++) append(first, 1000);
  await first.close();
  const all = files(directory).filter((name) => name.endsWith('.seg')).length;
  expect([all > 3, segments()]).toEqual([true, 0]);
  const second = write(directory, SMALL);
  expect(segments()).toBe(all);
  const synced = new Promise<void>((resolve) => second.onSynced(resolve));
  second.sync();
  await synced;
  expect([second.synced, segments()]).toEqual([200, 1]);
});

describe('retention', () => {
  test('by bytes: the oldest segments go, a reader that is there goes on, one behind hears what it missed', () => {
    const writer = write(directory, { ...SMALL, retention: { bytes: 3 * 65_536 } });
    append(writer, 1000);
    const early = read(directory);
    early.next();
    const behind = read(directory, 1);
    for (let n = 1; n < 600; n++) append(writer, 1000);
    const kept = files(directory).filter((name) => name.endsWith('.seg'));
    expect(kept.length).toBeLessThanOrEqual(4);
    const first = Number(kept[0].slice(0, 20));
    const all = readAll(read(directory));
    expect([all.sequences, all.wrong]).toEqual([range(first, 600), []]);
    // What both have mapped they read to its end.
    for (const reader of [early, behind]) {
      const { sequences } = readAll(reader);
      const gap = sequences.findIndex((sequence, i) => i > 0 && sequence !== sequences[i - 1] + 1);
      expect(sequences[gap]).toBe(first);
      expect(reader.missed).toBe(first - sequences[gap - 1] - 1);
      expect(sequences.at(-1)).toBe(600);
    }
  });

  test('by age: what is older than it goes, never the segment that is written', async () => {
    const writer = write(directory, { ...SMALL, retention: { age: 1 } });
    for (let n = 0; n < 600; n++) {
      append(writer, 1000);
      if (n % 60 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(files(directory).filter((name) => name.endsWith('.seg')).length).toBeLessThanOrEqual(3);
    expect(readAll(read(directory)).sequences.at(-1)).toBe(600);
  });
});

describe('damage', () => {
  function damage(offset: number, bytes: number[]): void {
    const fd = openSync(path.join(directory, files(directory)[0]), 'r+');
    writeSync(fd, Uint8Array.from(bytes), 0, bytes.length, offset);
    closeSync(fd);
  }

  test('a reader stops before it, and says where', () => {
    const writer = write(directory);
    for (let n = 0; n < 10; n++) append(writer, 100);
    // The frame of the fifth.
    damage(4096 + 4 * 136 + 40, [1, 2, 3]);
    const reader = read(directory);
    expect(readAll(reader)).toEqual({ sequences: [1, 2, 3, 4], wrong: [], end: DAMAGED });
    expect(reader.damage).toMatchObject({ code: 'CORRUPT', data: { sequence: 5 } });
    expect(reader.next()).toBe(DAMAGED);
  });

  test.each([
    ['a header that does not match', 20, [1]],
    ['another magic', 0, [9]],
    ['a header that names another beginning', 16, [2]],
  ])('%s: the log is refused, and untouched', async (_, offset, bytes) => {
    const writer = write(directory);
    append(writer, 100);
    await writer.close();
    damage(offset, bytes);
    const [name] = files(directory);
    const before = readFileSync(path.join(directory, name));
    expect(() => LogWriter.open(directory)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    const reader = read(directory);
    expect([reader.next(), reader.damage?.code]).toEqual([DAMAGED, 'CORRUPT']);
    expect(readFileSync(path.join(directory, name)).equals(before)).toBe(true);
    // The lock is free again.
    rmSync(path.join(directory, name));
    write(directory);
  });

  test('a layout of another release is refused by name', async () => {
    const writer = write(directory);
    append(writer, 100);
    await writer.close();
    const file = path.join(directory, files(directory)[0]);
    const bytes = readFileSync(file);
    bytes[4] = 2;
    writeFileSync(file, withChecksum(bytes));
    expect(() => LogWriter.open(directory)).toThrow(expect.objectContaining({ code: 'VERSION_MISMATCH' }));
  });
});
