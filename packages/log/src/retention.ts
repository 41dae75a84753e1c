import { rmSync, statSync } from 'node:fs';
import { BLANK, openSegment } from './segment.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';

/** How much of a log is kept. Whole segments go, the oldest first, when a new one is begun; never the one being written. */
export interface Retention {
  /** Bytes of all segments; the newest may exceed it. */
  readonly bytes?: number;
  /** ms since a record was appended. */
  readonly age?: number;
}

/** Removes what is not to be kept any more. Who reads there goes on: the mapping stays. */
export function retire(directory: string, { bytes, age }: Retention): void {
  if (bytes === undefined && age === undefined) return;
  const files = listSegments(directory);
  let total = 0;
  if (bytes !== undefined) for (const { path } of files) total += statSync(path).size;
  const before = age === undefined ? Number.NEGATIVE_INFINITY : Date.now() - age;
  for (let i = 0; i + 1 < files.length; i++) {
    const isTooMuch = bytes !== undefined && total > bytes;
    // Its last record is as old as the next segment.
    if (!isTooMuch && (age === undefined || createdAt(files[i + 1]) >= before)) return;
    if (bytes !== undefined) total -= statSync(files[i].path).size;
    rmSync(files[i].path, { force: true });
  }
}

function createdAt(file: SegmentFile): number {
  const segment = openSegment(file, 'read');
  if (segment === undefined || segment === BLANK) return Number.POSITIVE_INFINITY;
  segment.close();
  return segment.header.created;
}
