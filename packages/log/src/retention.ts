import { rmSync } from 'node:fs';
import { BLANK, openSegment } from './segment.ts';
import { listSegments } from './segment-files.ts';

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
  const kept = listSegments(directory).map((file) => {
    const segment = openSegment(file, 'read');
    if (segment === undefined || segment === BLANK) return { file, bytes: 0, created: Number.POSITIVE_INFINITY };
    segment.close();
    return { file, bytes: segment.header.bytes, created: segment.header.created };
  });
  let total = kept.reduce((sum, one) => sum + one.bytes, 0);
  const before = age === undefined ? Number.NEGATIVE_INFINITY : Date.now() - age;
  for (let i = 0; i + 1 < kept.length; i++) {
    // Its last record is as old as the next segment.
    const isOld = kept[i + 1].created < before;
    if (!isOld && (bytes === undefined || total <= bytes)) return;
    rmSync(kept[i].file.path, { force: true });
    total -= kept[i].bytes;
  }
}
