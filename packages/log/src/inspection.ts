import { type BusError, isBusError } from '@busbar/core/contract';
import { RECORDS_OFFSET, SEALED } from './log-layout.ts';
import { findRecords } from './scan.ts';
import { BLANK, mapSegment, openSegment, type SegmentHeader } from './segment.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';

/** Whole records that follow on each other. */
export interface Run {
  /** Sequences. */
  readonly first: number;
  readonly last: number;
  /** Bytes from the start of the segment. */
  readonly start: number;
  readonly end: number;
}

/** What is in a segment. */
export interface SegmentReport {
  readonly path: string;
  /** As its name says. */
  readonly first: number;
  /** Undefined: it has none, or a damaged one. */
  readonly header: SegmentHeader | undefined;
  /** What is wrong with the header. */
  readonly damage: BusError | undefined;
  /** One, from the first record on, where nothing is damaged; none where there is no record. */
  readonly runs: readonly Run[];
  /** It is full, and says so. */
  readonly sealed: boolean;
}

/** What is in a log. */
export interface LogReport {
  readonly segments: readonly SegmentReport[];
  /** Whole records. */
  readonly records: number;
  /** Sequences of what is missing between whole records, also where a repair has made that good. */
  readonly lost: readonly { readonly from: number; readonly to: number }[];
}

/** Reads everything in the log in `directory` and says what is there. Changes nothing, needs no lock. */
export function inspectLog(directory: string): LogReport {
  const segments = listSegments(directory)
    .map(inspectSegment)
    .filter((segment) => segment !== undefined);
  let records = 0;
  const lost: { from: number; to: number }[] = [];
  let expected = 0;
  for (const { header, runs } of segments) {
    // What was left out with intent is no loss.
    if (header !== undefined && header.follows === expected) expected = header.first - header.lost;
    for (const { first, last } of runs) {
      if (expected > 0 && first > expected) lost.push({ from: expected, to: first - 1 });
      records += last - first + 1;
      expected = last + 1;
    }
  }
  return { segments, records, lost };
}

/** Undefined: it has gone meanwhile. */
export function inspectSegment(file: SegmentFile): SegmentReport | undefined {
  const mapped = mapSegment(file);
  if (mapped === undefined) return undefined;
  const { memory } = mapped;
  const runs: { first: number; last: number; start: number; end: number }[] = [];
  for (const { offset, bytes, sequence } of findRecords(memory, RECORDS_OFFSET, file.first)) {
    const run = runs.at(-1);
    if (run !== undefined && run.end === offset && run.last + 1 === sequence) {
      run.last = sequence;
      run.end = offset + bytes;
    } else runs.push({ first: sequence, last: sequence, start: offset, end: offset + bytes });
  }
  const sealed = memory.i32[(runs.at(-1)?.end ?? RECORDS_OFFSET) >> 2] === SEALED;
  mapped.close();
  return { path: file.path, first: file.first, ...headerOf(file), runs, sealed };
}

function headerOf(file: SegmentFile): Pick<SegmentReport, 'header' | 'damage'> {
  try {
    const segment = openSegment(file, 'read');
    if (segment === undefined || segment === BLANK) return { header: undefined, damage: undefined };
    segment.close();
    return { header: segment.header, damage: undefined };
  } catch (error) {
    if (!isBusError(error) || error.code !== 'CORRUPT') throw error;
    return { header: undefined, damage: error };
  }
}
