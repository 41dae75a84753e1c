import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { available } from '@busbar/native';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { DAMAGED, type Lane, LogWriter, listLanes, NOTHING, openLane, StreamReader } from '../src/index.ts';
import { append, range, scratch } from './scratch.ts';

const SMALL = { segmentBytes: 65_536 };

let directory: string;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

beforeEach(() => {
  directory = path.join(scratch(), 'audit');
});

function produce(): Lane {
  const lane = openLane(directory, SMALL);
  onTestFinished(() => lane.close());
  return lane;
}

function consume(start?: ConstructorParameters<typeof StreamReader>[1]): StreamReader {
  const reader = new StreamReader(directory, start);
  onTestFinished(() => reader.close());
  return reader;
}

/** What there is, as `lane/sequence`. */
function all(reader: StreamReader): string[] {
  const read: string[] = [];
  while (reader.next() > 0) read.push(`${reader.lane}/${reader.sequence}`);
  return read;
}

describe('a stream', () => {
  test('gives each producer a log of its own, and one that was left to the next', async () => {
    const [one, two] = [produce(), produce()];
    expect([one.name, two.name]).toEqual(['lane-0001', 'lane-0002']);
    append(one.writer, 10);
    await one.close();
    const three = produce();
    expect([three.name, three.writer.last]).toEqual(['lane-0001', 1]);
    expect(produce().name).toBe('lane-0003');
  });

  test('is read in the order of each log, and of several by time', () => {
    const [one, two] = [produce(), produce()];
    for (const [lane, time] of [
      [one, 5],
      [one, 6],
      [two, 1],
      [two, 7],
      [one, 8],
      [two, 9],
    ] as const)
      append(lane.writer, 10, time);
    expect(all(consume())).toEqual([
      'lane-0002/1',
      'lane-0001/1',
      'lane-0001/2',
      'lane-0002/2',
      'lane-0001/3',
      'lane-0002/3',
    ]);
  });

  test('goes on live, with lanes that come later', () => {
    const reader = consume();
    expect([reader.next(), listLanes(directory)]).toEqual([NOTHING, []]);
    const one = produce();
    expect(reader.next()).toBe(NOTHING);
    append(one.writer, 10);
    expect(all(reader)).toEqual(['lane-0001/1']);
    const late = consume('end');
    const two = produce();
    append(two.writer, 10, 1);
    append(one.writer, 10, 2);
    for (const each of [reader, late]) expect(all(each).sort()).toEqual(['lane-0001/2', 'lane-0002/1']);
  });

  test('is taken up again where a reader was, also with a record in hand', () => {
    const [one, two] = [produce(), produce()];
    for (const n of range(1, 20)) append(n % 3 === 0 ? two.writer : one.writer, 10, n);
    const whole = all(consume());
    expect(whole).toHaveLength(20);
    for (const taken of [0, 1, 7, 20]) {
      const first = consume();
      const read = range(1, taken).map(() => {
        first.next();
        return `${first.lane}/${first.sequence}`;
      });
      const second = consume(first.position);
      expect([...read, ...all(second)]).toEqual(whole);
    }
  });

  test('with a damaged log says so once, and the others go on', () => {
    const [one, two] = [produce(), produce()];
    for (const n of range(1, 3)) for (const { writer } of [one, two]) append(writer, 10, n);
    const [segment] = readdirSync(path.join(directory, one.name)).filter((name) => name.endsWith('.seg'));
    const fd = openSync(path.join(directory, one.name, segment), 'r+');
    writeSync(fd, Uint8Array.of(1, 2, 3), 0, 3, 4096 + 48 + 36);
    closeSync(fd);
    const reader = consume();
    const read: string[] = [];
    let damages = 0;
    for (let length = reader.next(); length !== NOTHING; length = reader.next()) {
      if (length === DAMAGED) damages++;
      else read.push(`${reader.lane}/${reader.sequence}`);
    }
    expect([damages, reader.damage?.code]).toEqual([1, 'CORRUPT']);
    expect(read).toEqual(['lane-0001/1', 'lane-0002/1', 'lane-0002/2', 'lane-0002/3']);
  });

  test('leaves nothing open', async () => {
    const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split(directory).length - 1;
    const lane = openLane(directory, SMALL);
    const reader = new StreamReader(directory);
    append(lane.writer, 10);
    all(reader);
    await lane.close();
    reader.close();
    expect(mappings()).toBe(0);
  });
});

describe('who sleeps', () => {
  test('is woken by the next that appends, once', () => {
    const { writer, alarm } = produce();
    const reader = consume();
    expect([reader.next(), alarm.mustWake()]).toEqual([NOTHING, false]);
    expect(reader.announceSleep()).toBe(true);
    append(writer, 10);
    expect([alarm.mustWake(), alarm.mustWake()]).toEqual([true, false]);
    expect(reader.next()).toBe(10);
  });

  test('before the first producer is woken by it', () => {
    const reader = consume();
    expect([reader.next(), reader.announceSleep()]).toEqual([NOTHING, true]);
    const { writer, alarm } = produce();
    append(writer, 10);
    expect([alarm.mustWake(), reader.next()]).toEqual([true, 10]);
  });

  test('hears of a lane whose maker was stopped before it said so', async () => {
    const one = produce();
    const reader = consume();
    expect([reader.next(), reader.announceSleep()]).toEqual([NOTHING, true]);
    // As its maker leaves it: in the folder, and the alarm has not heard.
    await LogWriter.open(path.join(directory, 'lane-0002'), SMALL)?.close();
    expect(reader.next()).toBe(NOTHING);
    const two = produce();
    expect([one.name, two.name]).toEqual(['lane-0001', 'lane-0002']);
    append(two.writer, 10);
    expect([two.alarm.mustWake(), reader.next()]).toEqual([true, 10]);
  });

  test('does not, when something came meanwhile: a record, or a lane', () => {
    const { writer } = produce();
    const reader = consume();
    expect(reader.next()).toBe(NOTHING);
    append(writer, 10);
    expect([reader.announceSleep(), reader.next()]).toEqual([false, 10]);
    produce();
    expect([reader.announceSleep(), reader.next(), reader.announceSleep()]).toEqual([false, NOTHING, true]);
  });
});

test('producers in processes of their own: all is read, each in its order', async () => {
  const program = new URL('./peers/producer.mjs', import.meta.url);
  const children: ChildProcess[] = range(1, 4).map((n) => fork(program, [directory, String(n), '2000']));
  onTestFinished(() => void children.map((child) => child.kill('SIGKILL')));
  const ended = Promise.all(children.map((child) => once(child, 'exit')));
  const reader = consume();
  const of = new Map<number, number[]>();
  let total = 0;
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (let idle = 0; total < 8000 && idle < 3; ) {
    const length = reader.next();
    if (length <= 0) {
      if (isOver) idle++;
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    const [producer, number] = new Uint32Array(
      reader.frame?.u8.slice(reader.offset, reader.offset + 8).buffer as ArrayBuffer,
    );
    of.set(producer, [...(of.get(producer) ?? []), number]);
    total++;
  }
  expect(new Set(of.keys())).toEqual(new Set([1, 2, 3, 4]));
  for (const numbers of of.values()) expect(numbers.join()).toBe(range(0, 1999).join());
  expect(listLanes(directory).length).toBeLessThanOrEqual(4);
});
