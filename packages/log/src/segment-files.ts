import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

/** Where a segment is, without a look into it. */
export interface SegmentFile {
  /** Sequence of its first record. */
  readonly first: number;
  readonly path: string;
}

/** A segment to come, until its name is known. */
const UNNAMED = /^next-\d+\.tmp$/;
const NAME = /^(\d{20})\.seg$/;

export function segmentPath(directory: string, first: number): string {
  return path.join(directory, `${String(first).padStart(20, '0')}.seg`);
}

let lastUnnamed = 0;

/** For a segment to come, in the log that this process writes in `directory`. */
export function unnamedPath(directory: string): string {
  return path.join(directory, `next-${++lastUnnamed}.tmp`);
}

/** What a writer that was stopped had allotted goes. Only for the holder of the lock. */
export function removeUnnamed(directory: string): void {
  for (const name of readdirSync(directory))
    if (UNNAMED.test(name)) rmSync(path.join(directory, name), { force: true });
}

/** The segments of the log in `directory`, oldest first; none when there is no such folder. */
export function listSegments(directory: string): SegmentFile[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const files: SegmentFile[] = [];
  for (const name of names) {
    const first = Number(NAME.exec(name)?.[1] ?? 0);
    if (first > 0) files.push({ first, path: path.join(directory, name) });
  }
  return files.sort((a, b) => a.first - b.first);
}
