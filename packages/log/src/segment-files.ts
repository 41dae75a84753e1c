import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Where a segment is, without a look into it. */
export interface SegmentFile {
  /** Sequence of its first record. */
  readonly first: number;
  readonly path: string;
}

/** The next segment, until its name is known. */
export const NEXT_FILE = 'next.tmp';

const NAME = /^(\d{20})\.seg$/;

export function segmentPath(directory: string, first: number): string {
  return path.join(directory, `${String(first).padStart(20, '0')}.seg`);
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
