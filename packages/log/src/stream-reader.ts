import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { BusError, FrameBuffer } from '@busbar/core/contract';
import { Alarm } from './alarm.ts';
import { listLanes } from './lanes.ts';
import { DAMAGED, LogReader, NOTHING, type Start } from './log-reader.ts';

/** Of each lane the sequence of the record that comes next. What is not named is read from its start. */
export type StreamPosition = Readonly<Record<string, number>>;

/** A lane, and the record of it that waits to be handed over. */
interface Reading {
  readonly name: string;
  readonly reader: LogReader;
  /** Of the frame that waits; 0: none does. */
  length: number;
  isDamaged: boolean;
}

/**
 * Reads all logs of a stream as one: each in its order, and of those that have something the oldest first, so that what
 * was appended long ago comes in about the order of time.
 */
export class StreamReader {
  /** The lane of the record that `next` has read, or of the damage. */
  lane = '';
  /** The record lies at `offset`; a copy, valid until the next call. */
  frame: FrameBuffer | undefined;
  offset = 0;
  /** Its sequence in its lane, and when it was appended in ms since 1970. */
  sequence = 0;
  time = 0;
  /** What is wrong where `next` said DAMAGED; other lanes go on. */
  damage: BusError | undefined;
  readonly #directory: string;
  readonly #start: StreamPosition | 'start' | 'end';
  readonly #lanes: Reading[] = [];
  #alarm: Alarm | undefined;
  #knownLanes = 0;

  /** @throws BusError VERSION_MISMATCH | NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  constructor(directory: string, start: StreamPosition | 'start' | 'end' = 'start') {
    this.#directory = directory;
    this.#start = start;
    this.#discover(start === 'end' ? 'end' : 'start');
  }

  /** For a reader that is to go on where this one is. */
  get position(): StreamPosition {
    return Object.fromEntries(
      this.#lanes.map(({ name, reader, length }) => [name, length > 0 ? reader.sequence : reader.position]),
    );
  }

  /** Records that were removed, by retention or by hand, before they were read. */
  get missed(): number {
    return this.#lanes.reduce((sum, { reader }) => sum + reader.missed, 0);
  }

  /**
   * The next record; its length, NOTHING, or DAMAGED, once for each lane that is.
   *
   * | allocates                 | blocks | syscalls                        | callable from      |
   * | two views above 256 bytes | no     | 0; a new segment or lane: a few | the owner's thread |
   *
   * @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED: a segment cannot be opened now
   */
  next(): number {
    let oldest: Reading | undefined;
    for (const lane of this.#lanes) {
      if (lane.length === 0 && !lane.isDamaged) {
        const length = lane.reader.next();
        if (length === DAMAGED) return this.#damaged(lane);
        lane.length = length;
      }
      if (lane.length > 0 && (oldest === undefined || lane.reader.time < oldest.reader.time)) oldest = lane;
    }
    if (oldest === undefined) return this.#discover('start') ? this.next() : NOTHING;
    const { reader, length } = oldest;
    oldest.length = 0;
    this.lane = oldest.name;
    this.frame = reader.frame;
    this.offset = reader.offset;
    this.sequence = reader.sequence;
    this.time = reader.time;
    return length;
  }

  #damaged(lane: Reading): number {
    lane.isDamaged = true;
    this.lane = lane.name;
    this.damage = lane.reader.damage;
    return DAMAGED;
  }

  /** True: there was nothing, and whoever appends is told to wake this side. False: read on. */
  announceSleep(): boolean {
    if (this.#alarm === undefined) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      this.#alarm = new Alarm(this.#directory);
    }
    this.#alarm.announceSleep();
    return !this.#hasNext();
  }

  #hasNext(): boolean {
    if (this.#alarm?.lanes !== this.#knownLanes) return true;
    for (const lane of this.#lanes) {
      if (lane.isDamaged) continue;
      if (lane.length === 0) lane.length = Math.max(0, lane.reader.next());
      if (lane.length > 0 || lane.reader.damage !== undefined) return true;
    }
    return false;
  }

  /** Looks for new lanes; true when there are some. */
  #discover(start: Start): boolean {
    // Before the first producer there is nothing; who only looks leaves no files.
    if (this.#alarm === undefined) {
      if (!existsSync(path.join(this.#directory, 'alarm'))) return false;
      this.#alarm = new Alarm(this.#directory);
    }
    const { lanes } = this.#alarm;
    if (lanes === this.#knownLanes) return false;
    const before = this.#lanes.length;
    for (const name of listLanes(this.#directory)) {
      if (this.#lanes.some((lane) => lane.name === name)) continue;
      const at = typeof this.#start === 'object' ? (this.#start[name] ?? start) : start;
      const reader = new LogReader(path.join(this.#directory, name), at);
      this.#lanes.push({ name, reader, length: 0, isDamaged: false });
    }
    this.#knownLanes = lanes;
    return this.#lanes.length > before;
  }

  close(): void {
    for (const { reader } of this.#lanes) reader.close();
    this.#alarm?.close();
  }
}
