import { rmSync } from 'node:fs';
import { BusError } from '@busbar/core/contract';
import { RECORDS_OFFSET, SEALED } from './log-layout.ts';
import { lookAhead, type Scan, scanRecords } from './scan.ts';
import { BLANK, damaged, mapSegment, openSegment, type Segment } from './segment.ts';
import { listSegments, removeUnnamed, type SegmentFile } from './segment-files.ts';

/** What a stopped writer, or a stopped machine, has left behind. */
export interface Recovered {
  /** The segment to go on with, open for writing; undefined: the log is empty. */
  readonly segment: Segment | undefined;
  /** Where the next record goes in it, and its sequence. */
  readonly position: number;
  readonly next: number;
  /** Highest sequence known to be on the disk. */
  readonly synced: number;
  /**
   * `clean`: it ends where its last record ends. `torn`: behind that lay the beginning of a record, which nobody has seen.
   * `hole`: whole records lay behind one that is missing, and none of them was promised to be on the disk.
   */
  readonly end: 'clean' | 'torn' | 'hole';
  /** Sequence of the last record that was seen and is dropped; 0: none was. Theirs are never given again. */
  readonly dropped: number;
}

/** A place where a segment is full, and does not say so: its writer was stopped after it had named the next one. */
interface Unsealed {
  readonly file: SegmentFile;
  readonly position: number;
}

/** How a log ends, before anything is changed. */
interface End {
  /** Index of the segment. */
  readonly index: number;
  readonly scan: Scan;
  readonly state: Recovered['end'];
  readonly synced: number;
  readonly dropped: number;
}

/**
 * Finds the end of the log in `directory`, whose lock the caller holds, and makes it one that can be appended to: first
 * everything is read, then what follows the end is cleared.
 * @throws BusError CORRUPT: records are missing that had been on the disk, or a header is damaged; nothing was changed
 */
export function recover(directory: string, boot: string): Recovered {
  const files = listSegments(directory);
  if (files.length === 0) {
    removeUnnamed(directory);
    return { segment: undefined, position: 0, next: 1, synced: 0, end: 'clean', dropped: 0 };
  }
  const unsealed: Unsealed[] = [];
  const end = findEnd(files, boot, unsealed);
  removeUnnamed(directory);
  for (const { path: file } of files.slice(end.index + 1).reverse()) rmSync(file);
  for (const one of unsealed) seal(one);
  const { path: file, first } = files[end.index];
  const segment = openSegment(files[end.index], 'read-write');
  if (segment === undefined || segment === BLANK) {
    // The machine stopped before it was on the disk; what was in it may have been seen.
    rmSync(file, { force: true });
    return { ...recover(directory, boot), end: 'hole', dropped: Math.max(first, end.dropped) };
  }
  if (end.state !== 'clean') clear(segment, end.scan.position);
  const { position, next } = end.scan;
  return { segment, position, next, synced: end.synced, end: end.state, dropped: end.dropped };
}

function findEnd(files: readonly SegmentFile[], boot: string, unsealed: Unsealed[]): End {
  for (let i = firstDoubtful(files, boot); ; i++) {
    const end = endWithin(files, i, unsealed);
    if (end !== undefined) return end;
  }
}

/** What was synced needs no second look, nor what was written since the machine started: its memory is what it was. */
function firstDoubtful(files: readonly SegmentFile[], boot: string): number {
  const last = files.length - 1;
  let synced = 0;
  for (let i = last; i > 0; i--) {
    const segment = openSegment(files[i], 'read');
    if (segment === undefined || segment === BLANK) continue;
    try {
      // SEALED is stored before the first record.
      if (segment.header.boot === boot) return segment.memory.i32[RECORDS_OFFSET >> 2] === 0 ? i - 1 : i;
      if (i === last) synced = scanRecords(segment.memory, segment.header.first).synced;
      synced = Math.max(synced, segment.header.synced);
      if (segment.header.first <= synced + 1) return i;
    } finally {
      segment.close();
    }
  }
  return 0;
}

/** The log's end if it lies in segment `index`; undefined: it goes on in the next one. */
function endWithin(files: readonly SegmentFile[], index: number, unsealed: Unsealed[]): End | undefined {
  const file = files[index];
  const segment = openSegment(file, 'read');
  if (segment === undefined) throw damaged(file.path, 'it has gone while it was to be read');
  // A header comes to the disk before anything of its records is promised to.
  if (segment === BLANK)
    return holeAt(files, index, { position: RECORDS_OFFSET, next: file.first, synced: 0, sealed: false });
  try {
    const scan = scanRecords(segment.memory, segment.header.first);
    const later = files[index + 1];
    const synced = Math.max(segment.header.synced, scan.synced);
    if (later === undefined && !scan.sealed) return holeAt(files, index, { ...scan, synced });
    if (later === undefined) return { index, scan: { ...scan, synced }, state: 'torn', synced, dropped: 0 };
    if (!followsOn(later, scan)) return holeAt(files, index, { ...scan, synced });
    if (!scan.sealed) unsealed.push({ file, position: scan.position });
    return undefined;
  } finally {
    segment.close();
  }
}

/** The segment `later` was begun where `scan` ends, and what is between is nothing. */
function followsOn(later: SegmentFile, scan: Scan): boolean {
  const segment = openSegment(later, 'read');
  if (segment === undefined || segment === BLANK) return false;
  segment.close();
  return segment.header.follows === scan.next;
}

/** The record that `scan` ends with is missing. Is that the end, a hole, or a loss? */
function holeAt(files: readonly SegmentFile[], index: number, scan: Scan): End {
  let { synced } = scan;
  let dropped = 0;
  let first = 0;
  let isDirty = false;
  for (const [i, file] of files.slice(index).entries()) {
    const mapped = mapSegment(file);
    if (mapped === undefined) continue;
    const found =
      i === 0
        ? lookAhead(mapped.memory, scan.position, scan.next)
        : lookAhead(mapped.memory, RECORDS_OFFSET, file.first);
    const header = i === 0 ? 0 : headerSynced(file);
    mapped.close();
    synced = Math.max(synced, found.synced, header);
    dropped = Math.max(dropped, found.last);
    first ||= found.first;
    isDirty ||= i === 0 && found.isDirty;
  }
  if (synced >= scan.next) {
    throw new BusError(
      'CORRUPT',
      `records ${scan.next} to ${first > 0 ? first - 1 : synced} are lost: they had been on the disk`,
      {
        where: files[index].path,
        data: { from: scan.next, to: first > 0 ? first - 1 : synced },
        remedy: 'nothing was changed; look at it with inspectLog, and put the rest aside with repairLog',
      },
    );
  }
  const state = dropped > 0 ? 'hole' : isDirty || index + 1 < files.length ? 'torn' : 'clean';
  return { index, scan, state, synced, dropped };
}

function headerSynced(file: SegmentFile): number {
  const segment = openSegment(file, 'read');
  if (segment === undefined || segment === BLANK) return 0;
  segment.close();
  return segment.header.synced;
}

function seal({ file, position }: Unsealed): void {
  const segment = openSegment(file, 'read-write');
  if (segment === undefined || segment === BLANK) return;
  // L2; pairs with the load in LogReader.next.
  Atomics.store(segment.memory.i32, position >> 2, SEALED);
  segment.close();
}

/** L1: from `position` on there are zeros. Pages that have never held anything are not touched. */
function clear({ memory: { i32 } }: Segment, position: number): void {
  for (let word = position >> 2; word < i32.length; word++) if (i32[word] !== 0) i32[word] = 0;
}
