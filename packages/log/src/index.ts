/** Append-only logs in mapped files: one writer, any number of readers, in any process. */
export { Alarm } from './alarm.ts';
export { Cursor, WINDOW } from './cursor.ts';
export { inspectLog, type LogReport, type Run, type SegmentReport } from './inspection.ts';
export { Lane, listLanes, openLane } from './lanes.ts';
export { DAMAGED, LogReader, NOTHING, type Start } from './log-reader.ts';
export { type LogOptions, LogWriter } from './log-writer.ts';
export { type Repair, repairLog } from './repair.ts';
export type { Retention } from './retention.ts';
export type { SegmentHeader } from './segment.ts';
export { type StreamPosition, StreamReader } from './stream-reader.ts';
