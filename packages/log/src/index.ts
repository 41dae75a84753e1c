/** Append-only logs in mapped files: one writer, any number of readers, in any process. */
export { DAMAGED, LogReader, NOTHING, type Start } from './log-reader.ts';
export { type LogOptions, LogWriter } from './log-writer.ts';
export type { Retention } from './retention.ts';
