import { allocateFrameBuffer, BACK_PRESSURED, BusError, type FrameBuffer, OK } from '@busbar/core/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AtomicBuffer, MappedWords } from '../src/atomic-buffer.ts';
import { checkRing, formatRing } from '../src/ring-header.ts';
import {
  CAPACITY_OFFSET,
  FRAMES_READ_OFFSET,
  HEAD_OFFSET,
  MAGIC_OFFSET,
  maxRingFrame,
  PADDING,
  RECORDS_OFFSET,
  ringBytes,
  VERSION_OFFSET,
} from '../src/ring-layout.ts';
import { AT_END, EMPTY, POISONED, RingReader } from '../src/ring-reader.ts';
import { RingWriter } from '../src/ring-writer.ts';

const CAPACITY = 4096;
const LARGEST = maxRingFrame(CAPACITY);

interface Ring {
  readonly memory: FrameBuffer;
  readonly words: AtomicBuffer;
  readonly writer: RingWriter;
  readonly reader: RingReader;
}

function ring(wrapped: (words: AtomicBuffer) => AtomicBuffer = (words) => words): Ring {
  const memory = allocateFrameBuffer(ringBytes(CAPACITY));
  const words = wrapped(new MappedWords(memory.i32));
  return { memory, words, writer: new RingWriter(words, CAPACITY), reader: new RingReader(words, memory, CAPACITY) };
}

const into = allocateFrameBuffer(LARGEST);

/** Claims `length` bytes and fills them with `seed`, seed + 1, … */
function write({ memory, writer }: Ring, length: number, seed: number): number {
  const result = writer.claim(length);
  if (result === OK) for (let i = 0; i < length; i++) memory.u8[writer.offset + i] = seed + i;
  return result;
}

function expected(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => seed + i);
}

test('any sequence of writes, batches and reads keeps every frame, its order and its bytes', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ op: fc.constant('write' as const), length: fc.integer({ min: 1, max: LARGEST }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ op: fc.constant('write' as const), length: fc.integer({ min: 1, max: 100 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ op: fc.constant('stage' as const), length: fc.integer({ min: 1, max: 300 }) }),
    },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('publish' as const) }) },
    { weight: 6, arbitrary: fc.record({ op: fc.constant('read' as const), count: fc.integer({ min: 1, max: 20 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const all = ring();
      const { writer, reader } = all;
      const published: { length: number; seed: number }[] = [];
      let staged: typeof published = [];
      for (const [seed, one] of steps.entries()) {
        if (one.op === 'write' || one.op === 'stage') {
          const room = writer.room();
          const result = write(all, one.length, seed);
          if (one.length <= room) expect(result).toBe(OK);
          if (result === OK) {
            staged.push({ length: one.length, seed });
            writer.stage(one.length);
            if (one.op === 'write') {
              writer.publish();
              published.push(...staged.splice(0));
            }
          }
        } else if (one.op === 'publish') {
          writer.publish();
          published.push(...staged);
          staged = [];
        } else {
          for (let i = 0; i < one.count; i++) {
            const length = reader.next(into);
            const next = published.shift();
            expect(length).toBe(next?.length ?? EMPTY);
            if (next === undefined) break;
            expect(into.u8.slice(0, length)).toEqual(expected(next.length, next.seed));
          }
          reader.release();
          expect(writer.framesRead()).toBe(reader.frames);
        }
      }
      expect(writer.poisoned).toBe(false);
    }),
  );
});

test('an empty ring takes a largest frame wherever it stands, and one byte more never', () => {
  const all = ring();
  for (let position = 0; position < 2 * CAPACITY; position += 16) {
    expect(write(all, LARGEST, 1)).toBe(OK);
    expect(all.writer.room()).toBeGreaterThanOrEqual(LARGEST);
    expect(write(all, 8, 1)).toBe(OK);
    all.writer.stage(8);
    all.writer.publish();
    expect(all.reader.next(into)).toBe(8);
    all.reader.release();
  }
});

test('positions pass 2^32', () => {
  const { memory, writer, reader } = ring();
  for (let bytes = 0, value = 0; bytes < 2 ** 32 + CAPACITY; bytes += LARGEST, value++) {
    if (writer.claim(LARGEST) !== OK) throw new Error(`no room after ${bytes} bytes`);
    memory.i32[writer.offset >> 2] = value;
    writer.stage(LARGEST);
    writer.publish();
    if (reader.next(into) !== LARGEST || into.i32[0] !== value) throw new Error(`frame ${value} after ${bytes} bytes`);
    reader.release();
  }
  expect(writer.framesRead()).toBe(writer.frames);
});

test('what is staged is seen at once with the rest, not before', () => {
  const all = ring();
  for (const seed of [1, 2, 3]) {
    write(all, 40, seed);
    all.writer.stage(40);
    expect(all.reader.next(into)).toBe(EMPTY);
  }
  all.writer.publish();
  for (const seed of [1, 2, 3]) {
    expect(all.reader.next(into)).toBe(40);
    expect(into.u8.slice(0, 40)).toEqual(expected(40, seed));
  }
  expect(all.reader.next(into)).toBe(EMPTY);
});

test('an abandoned claim, also one behind padding, leaves no trace', () => {
  const all = ring();
  write(all, LARGEST, 1);
  all.writer.stage(LARGEST);
  all.writer.publish();
  expect(all.reader.next(into)).toBe(LARGEST);
  all.reader.release();
  write(all, LARGEST, 2);
  write(all, 24, 3);
  all.writer.stage(24);
  all.writer.publish();
  expect(all.reader.next(into)).toBe(24);
  expect(into.u8.slice(0, 24)).toEqual(expected(24, 3));
});

test('after the end come the frames before it, then AT_END for good', () => {
  const all = ring();
  write(all, 16, 1);
  all.writer.stage(16);
  all.writer.end();
  expect(all.reader.next(into)).toBe(16);
  expect(all.reader.next(into)).toBe(AT_END);
  expect(all.reader.next(into)).toBe(AT_END);
});

test('there is room for the end in a full ring', () => {
  const all = ring();
  while (write(all, 24, 1) === OK) all.writer.stage(24);
  all.writer.publish();
  const { frames } = all.writer;
  all.writer.end();
  for (let i = 0; i < frames; i++) expect(all.reader.next(into)).toBe(24);
  expect(all.reader.next(into)).toBe(AT_END);
});

test('a sleeper is woken once, by the first commit after it fell asleep', () => {
  const all = ring();
  expect(all.reader.announceSleep()).toBe(true);
  for (const wakes of [true, false]) {
    write(all, 8, 1);
    all.writer.stage(8);
    all.writer.publish();
    expect(all.writer.mustWake()).toBe(wakes);
  }
  expect(all.reader.announceSleep()).toBe(false);
  expect(all.writer.mustWake()).toBe(false);
});

test('who waits for room is woken when half of the ring is free, who waits for anything at once', () => {
  const all = ring();
  const { writer, reader } = all;
  const waits = (anything: boolean): boolean => {
    writer.want(anything);
    return writer.announceWait();
  };
  while (write(all, 248, 1) === OK) writer.stage(248);
  writer.publish();
  expect(waits(false)).toBe(true);
  let taken = 0;
  do {
    reader.next(into);
    taken++;
  } while (!reader.release());
  expect(taken).toBe(7);
  // Half is free: what is known is from before.
  expect(waits(false)).toBe(false);
  expect(writer.hasSlack).toBe(true);
  expect(writer.framesRead()).toBe(7);
  expect(waits(true)).toBe(true);
  reader.next(into);
  expect(reader.release()).toBe(true);
  reader.next(into);
  expect(reader.release()).toBe(false);
  expect(writer.framesRead()).toBe(9);
  expect(waits(true)).toBe(true);
  writer.cancelWait();
  reader.next(into);
  expect(reader.release()).toBe(false);
});

test('who waits for frames is told of those that a look at the room has already met', () => {
  const all = ring();
  const { writer, reader } = all;
  while (write(all, 248, 1) === OK) writer.stage(248);
  writer.publish();
  while (reader.next(into) > 0) {}
  reader.release();
  expect(writer.claim(248)).toBe(OK);
  writer.want(true);
  expect(writer.announceWait()).toBe(false);
  expect(writer.framesRead()).toBe(15);
});

/** Every access as `name offset value`, length words as `record n`. */
function recorded(): Ring & { readonly accesses: string[] } {
  const accesses: string[] = [];
  const all = ring((words) => {
    const record = (name: keyof AtomicBuffer) => (offset: number, value?: number) => {
      accesses.push(
        `${name} ${offset >= RECORDS_OFFSET ? `+${offset - RECORDS_OFFSET}` : offset} ${value ?? ''}`.trim(),
      );
      return words[name](offset, value as number) as number;
    };
    return {
      storePlain: record('storePlain'),
      loadAcquire: record('loadAcquire'),
      storeRelease: record('storeRelease'),
      loadSequential: record('loadSequential'),
      storeSequential: record('storeSequential'),
      exchange: record('exchange'),
    };
  });
  return { ...all, accesses };
}

test('the accesses of a write and a read, in their order', () => {
  const { writer, reader, accesses } = recorded();
  writer.claim(20);
  writer.stage(20);
  writer.publish();
  writer.mustWake();
  reader.next(into);
  reader.release();
  expect(accesses).toEqual([
    'storePlain +32 0',
    'storeSequential +0 20',
    'loadSequential 256',
    'loadAcquire +0',
    'storePlain 132 1',
    'storeSequential 128 32',
    'loadSequential 384',
  ]);
});

test('a reader survives everything that a producer may write, and reads nothing beyond the ring', () => {
  const word = fc.oneof(
    fc.integer(),
    fc.constantFrom(PADDING, -2, -3, 0, 1, LARGEST, LARGEST + 1, CAPACITY, 2 ** 31 - 1),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: CAPACITY / 8 - 1 }), word), { maxLength: 40 }), (written) => {
      const { memory, words, reader } = ring();
      for (const [slot, value] of written) words.storePlain(RECORDS_OFFSET + slot * 8, value);
      memory.u8.fill(0xee, 0, RECORDS_OFFSET);
      for (let i = 0; i < 1000; i++) {
        const length = reader.next(into);
        expect(length).toBeLessThanOrEqual(LARGEST);
        expect(length).toBeGreaterThanOrEqual(POISONED);
        if (length <= 0) break;
        expect(into.i32.subarray(0, length >> 2)).not.toContain(0xeeeeeeee | 0);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a frame beyond the end of the ring is poison', () => {
  const all = ring();
  for (let i = 0; i < CAPACITY / 256 - 1; i++) {
    write(all, 248, i);
    all.writer.stage(248);
    all.writer.publish();
    expect(all.reader.next(into)).toBe(248);
    all.reader.release();
  }
  all.words.storePlain(RECORDS_OFFSET + CAPACITY - 256, 249);
  expect(all.reader.next(into)).toBe(POISONED);
});

test('padding upon padding is poison, not an endless loop', () => {
  const { words, reader } = ring();
  words.storePlain(RECORDS_OFFSET, PADDING);
  expect(reader.next(into)).toBe(POISONED);
});

test('a writer believes no head and no count that cannot be', () => {
  for (const [offset, value] of [
    [HEAD_OFFSET, 64],
    [HEAD_OFFSET, -8],
    [HEAD_OFFSET, 2 ** 31 - 1],
    [FRAMES_READ_OFFSET, 2],
    [FRAMES_READ_OFFSET, -1],
  ]) {
    const all = ring();
    write(all, 40, 1);
    all.writer.stage(40);
    all.writer.publish();
    all.words.storePlain(offset, value);
    if (offset === FRAMES_READ_OFFSET) expect(all.writer.framesRead()).toBe(0);
    else expect(all.writer.arrived()).toBe(true);
    expect(all.writer.poisoned).toBe(true);
    expect(all.writer.room()).toBe(0);
    while (all.writer.claim(40) === OK) all.writer.stage(40);
    all.writer.publish();
    expect(all.writer.claim(40)).toBe(BACK_PRESSURED);
    // Not even what could be, now.
    all.words.storePlain(FRAMES_READ_OFFSET, 1);
    expect(all.writer.framesRead()).toBe(0);
  }
});

test('a ring is known by its header', () => {
  const { words } = ring();
  const code = (change: () => void, bytes = ringBytes(CAPACITY), nonce = 7): string => {
    formatRing(words, CAPACITY, 7);
    change();
    try {
      expect(checkRing(words, bytes, nonce)).toBe(CAPACITY);
      return 'OK';
    } catch (error) {
      return (error as BusError).code;
    }
  };
  expect(code(() => {})).toBe('OK');
  expect(code(() => words.storePlain(MAGIC_OFFSET, 1))).toBe('PROTOCOL_ERROR');
  expect(code(() => words.storePlain(VERSION_OFFSET, 2))).toBe('VERSION_MISMATCH');
  expect(code(() => words.storePlain(CAPACITY_OFFSET, 4097))).toBe('PROTOCOL_ERROR');
  expect(code(() => words.storePlain(CAPACITY_OFFSET, 8192))).toBe('PROTOCOL_ERROR');
  expect(code(() => {}, ringBytes(8192))).toBe('PROTOCOL_ERROR');
  expect(code(() => {}, undefined, 8)).toBe('PROTOCOL_ERROR');
  expect(() => formatRing(words, 5000, 7)).toThrow(BusError);
});
