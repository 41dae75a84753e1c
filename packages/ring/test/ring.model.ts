import { allocateFrameBuffer, OK } from '@busbar/core/contract';
import { expect, test } from 'vitest';
import type { AtomicBuffer } from '../src/atomic-buffer.ts';
import { ENDED, HEAD_OFFSET, RECORDS_OFFSET, SLEEPING_OFFSET } from '../src/ring-layout.ts';
import { AT_END, EMPTY, RingReader } from '../src/ring-reader.ts';
import { RingWriter } from '../src/ring-writer.ts';
import { type Program, type Shared, search } from './interleavings.ts';

/** Two records of four payload bytes fill such a ring, but for the last length word. */
const CAPACITY = 64;
/** Doorbells, outside of everything the ring uses. */
const READERS_BELL = 8192;
const WRITERS_BELL = 8196;

const into = allocateFrameBuffer(CAPACITY);

/** Sends `values`, a frame of one word each, `tries` attempts in all where there is no room. */
function sending(values: readonly number[], tries: number, sizes: readonly number[] = []): Program {
  return ({ words, memory }) => {
    const writer = new RingWriter(words, CAPACITY);
    let left = tries;
    for (const [index, value] of values.entries()) {
      const length = sizes[index] ?? 4;
      while (writer.claim(length) !== OK) if (--left < 0) return;
      for (let at = 0; at < length; at += 4) memory.i32[(writer.offset + at) >> 2] = value;
      writer.stage(length);
      writer.publish();
    }
  };
}

function readerOf({ words, memory }: Shared): RingReader {
  return new RingReader(words, memory, CAPACITY);
}

/** The next frame: its first `words` words must be `expected`. */
function take(reader: RingReader, expected: number, words = Number.POSITIVE_INFINITY): boolean {
  const length = reader.next(into);
  if (length === EMPTY) return false;
  if (length < 0) throw new Error(`answer ${length} for frame ${expected}`);
  for (const word of into.i32.subarray(0, Math.min(words, length >> 2))) {
    if (word !== expected) throw new Error(`${word} came for ${expected}`);
  }
  return true;
}

/** Looks `looks` times, and gives room back after each frame; what comes must be 1, 2, 3, … */
function looking(looks: number): Program {
  return (shared) => {
    const reader = readerOf(shared);
    for (let i = 0, expected = 1; i < looks; i++) {
      if (!take(reader, expected)) continue;
      expected++;
      reader.release();
    }
  };
}

/** The words as they are, but for one kind of access. */
function but(changes: (words: AtomicBuffer) => Partial<AtomicBuffer>): (words: AtomicBuffer) => AtomicBuffer {
  return (words) => ({ ...words, ...changes(words) });
}

const isLengthWord = (offset: number): boolean => offset >= RECORDS_OFFSET;

test('write and read: what is read is whole and in order, under every schedule', () => {
  const { violation, states } = search([sending([1, 2], 0), looking(3)]);
  expect(violation).toBeUndefined();
  expect(states).toBeGreaterThan(100);
});

test('write and read: a commit that is no release is found', () => {
  const weak = but((words) => ({ storeSequential: (offset, value) => words.storePlain(offset, value) }));
  expect(search([sending([1, 2], 0), looking(3)], weak).violation).toMatch(/0 came for 1/);
});

test('write and read: a word that is not zeroed before the commit is found, once memory is used again', () => {
  const weak = but((words) => ({
    storePlain: (offset, value) => {
      if (value !== 0) words.storePlain(offset, value);
    },
  }));
  const programs = [sending([1, 2, 3, 4, 5], 2), looking(6)];
  expect(search(programs).violation).toBeUndefined();
  expect(search(programs, weak).violation).toBeDefined();
});

test('wrap: frames around the end, and padding before it', () => {
  const programs = [sending([1, 2, 3, 4], 3, [4, 12, 12, 4]), looking(6)];
  expect(search(programs).violation).toBeUndefined();
});

test('wrap: room given back before it is copied out is found', () => {
  const early: Program = (shared) => {
    const reader = readerOf(shared);
    for (let i = 0, expected = 1; i < 6; i++) {
      // As if the release came first.
      if (!reader.hasNext()) continue;
      shared.words.storeSequential(HEAD_OFFSET, 16 * expected);
      if (!take(reader, expected)) throw new Error(`${expected} was there, and is gone`);
      expected++;
    }
  };
  expect(search([sending([1, 2, 3, 4, 5], 2), early]).violation).toBeDefined();
});

/** Sends, wakes a sleeping reader, and sleeps where there is no room. */
function sendingAwake(values: readonly number[]): Program {
  return ({ words, memory, ring, sleep }) => {
    const writer = new RingWriter(words, CAPACITY);
    for (const value of values) {
      while (writer.claim(12) !== OK) {
        writer.want(false);
        if (writer.announceWait()) sleep(WRITERS_BELL);
      }
      memory.i32[writer.offset >> 2] = value;
      writer.stage(12);
      writer.publish();
      if (writer.mustWake()) ring(READERS_BELL);
    }
  };
}

/** Takes `count` frames, sleeping while there are none. */
function sleeping(count: number): Program {
  return (shared) => {
    const reader = readerOf(shared);
    for (let expected = 1; expected <= count; ) {
      if (take(reader, expected, 1)) {
        expected++;
        if (reader.release()) shared.ring(WRITERS_BELL);
      } else if (reader.announceSleep()) shared.sleep(READERS_BELL);
    }
  };
}

const released = but((words) => ({ storeSequential: (offset, value) => words.storeRelease(offset, value) }));

test('sleep and wake: neither side sleeps while the other has something for it', () => {
  const { violation, states } = search([sendingAwake([1, 2, 3]), sleeping(3)]);
  expect(violation).toBeUndefined();
  expect(states).toBeGreaterThan(1000);
});

test('sleep and wake: stores that the look at the other side may overtake are found', () => {
  expect(search([sendingAwake([1]), sleeping(1)], released).violation).toMatch(/a sleeper is never woken/);
});

test('sleep and wake: a wait for room whose wish is published after the look at head is found', () => {
  const late = but((words) => ({
    storeSequential: (offset, value) =>
      isLengthWord(offset) || offset === SLEEPING_OFFSET
        ? words.storeSequential(offset, value)
        : words.storeRelease(offset, value),
  }));
  expect(search([sendingAwake([1, 2, 3]), sleeping(3)], late).violation).toMatch(/a sleeper is never woken/);
});

test('sleep and wake: a sleeper that does not announce again after a late wake-up is found', () => {
  const once: Program = (shared) => {
    const reader = readerOf(shared);
    let announced = false;
    for (let expected = 1; expected <= 2; ) {
      if (take(reader, expected, 1)) {
        expected++;
        announced = false;
        if (reader.release()) shared.ring(WRITERS_BELL);
      } else if (announced || reader.announceSleep()) {
        announced = true;
        shared.sleep(READERS_BELL);
      }
    }
  };
  expect(search([sendingAwake([1, 2]), once]).violation).toMatch(/a sleeper is never woken/);
});

test('end: everything committed comes first, and the end stays', () => {
  const ending: Program = ({ words, memory, ring }) => {
    const writer = new RingWriter(words, CAPACITY);
    writer.claim(4);
    memory.i32[writer.offset >> 2] = 1;
    writer.stage(4);
    writer.publish();
    writer.end();
    if (writer.mustWake()) ring(READERS_BELL);
  };
  const reading: Program = (shared) => {
    const reader = readerOf(shared);
    for (let got = 0; ; ) {
      const length = reader.next(into);
      if (length === AT_END) {
        if (got !== 1) throw new Error('the end came before the frame');
        return;
      }
      if (length > 0) got++;
      else if (reader.announceSleep()) shared.sleep(READERS_BELL);
    }
  };
  expect(search([ending, reading]).violation).toBeUndefined();
  const unseen = but((words) => ({
    storeSequential: (offset, value) => {
      if (value !== ENDED) words.storeSequential(offset, value);
    },
  }));
  expect(search([ending, reading], unseen).violation).toMatch(/a sleeper is never woken/);
});
