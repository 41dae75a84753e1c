import { fdatasyncSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { copyAligned } from '@busbar/core/contract';
import { tryLockFile } from '@busbar/native';
import { inspectLog, type Run, type SegmentReport } from './inspection.ts';
import { RECORDS_OFFSET, SEALED } from './log-layout.ts';
import { Allotment, bootId, mapSegment } from './segment.ts';
import { removeUnnamed } from './segment-files.ts';

/** What a repair has done. */
export interface Repair {
  /** Sequences of records that are not to be found any more, those that an earlier repair has missed included. */
  readonly lost: readonly { readonly from: number; readonly to: number }[];
  /** Where the damaged segments are now. */
  readonly putAside: readonly string[];
}

/** The folder in the log's that takes what was damaged. */
const ASIDE = 'damaged';

/**
 * Makes a log that is CORRUPT one that can be read and appended to again: segments with damage are put aside, and what is
 * whole in them is written anew. Readers count what is lost as `missed`. Undefined: somebody writes the log.
 * @throws BusError NEEDS_NATIVE | VERSION_MISMATCH | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function repairLog(directory: string): Repair | undefined {
  const lock = tryLockFile(path.join(directory, 'lock'));
  if (lock === undefined) return undefined;
  try {
    removeUnnamed(directory);
    const { segments, lost } = inspectLog(directory);
    const log = segments.find(({ header }) => header !== undefined)?.header?.log ?? '0'.repeat(32);
    const putAside: string[] = [];
    let expected = 0;
    for (const [i, segment] of segments.entries()) {
      const isLast = i + 1 === segments.length;
      if (!isWhole(segment, expected, isLast)) {
        putAside.push(renew(directory, segment, expected, log, isLast));
      }
      const last = segment.runs.at(-1)?.last;
      if (last !== undefined) expected = last + 1;
      else if (segment.header !== undefined) expected = segment.header.first;
    }
    return { lost, putAside };
  } finally {
    lock.release();
  }
}

/** Nothing is missing in it, nor before it. */
function isWhole({ header, runs, sealed }: SegmentReport, expected: number, isLast: boolean): boolean {
  if (header === undefined || (expected > 0 && header.follows !== expected)) return false;
  if (runs.length > 1 || (runs.length === 1 && (runs[0].first !== header.first || runs[0].start !== RECORDS_OFFSET)))
    return false;
  return sealed || isLast;
}

/** Writes each run of `segment` as a segment of its own, the last one first, and puts the old file aside. */
function renew(directory: string, segment: SegmentReport, expected: number, log: string, isLast: boolean): string {
  const aside = path.join(directory, ASIDE);
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  const kept = path.join(aside, path.basename(segment.path));
  rmSync(kept, { force: true });
  linkSync(segment.path, kept);
  const source = mapSegment({ first: segment.first, path: segment.path });
  if (source === undefined) return kept;
  const { runs, header } = segment;
  const boot = bootId();
  for (const [i, run] of [...runs.entries()].reverse()) {
    const before = i === 0 ? expected : runs[i - 1].last + 1;
    const follows = before > 0 ? before : run.first;
    const allotment = new Allotment(directory, source.memory.u8.length);
    copyRun(source.memory, run, allotment.memory);
    if (i + 1 < runs.length || segment.sealed || !isLast) allotment.memory.i32[endOf(run) >> 2] = SEALED;
    const fields = { first: run.first, follows, lost: lostBefore(run, follows, header), synced: 0, log, boot };
    const renewed = allotment.become(fields, true);
    fdatasyncSync(renewed.fd);
    renewed.close();
  }
  source.close();
  if (runs[0]?.first !== segment.first) rmSync(segment.path);
  return kept;
}

function copyRun(from: Parameters<typeof copyAligned>[0], run: Run, to: Parameters<typeof copyAligned>[2]): void {
  copyAligned(from, run.start, to, RECORDS_OFFSET, run.end - run.start);
}

/** In the renewed segment. */
function endOf({ start, end }: Run): number {
  return RECORDS_OFFSET + end - start;
}

/** What was left out with intent is not lost. */
function lostBefore({ first }: Run, follows: number, header: SegmentReport['header']): number {
  const isMeant = header !== undefined && header.first === first && header.follows === follows;
  return isMeant ? header.lost : first - follows;
}
