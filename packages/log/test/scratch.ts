import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { type LogOptions, LogReader, LogWriter, type Start } from '../src/index.ts';

/** A folder that goes with the test. */
export function scratch(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'log-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The writer of the log in `directory`, closed after the test. */
export function write(directory: string, options?: LogOptions): LogWriter {
  const writer = LogWriter.open(directory, options);
  if (writer === undefined) throw new Error('somebody else writes there');
  onTestFinished(() => writer.close());
  return writer;
}

export function read(directory: string, start?: Start): LogReader {
  const reader = new LogReader(directory, start);
  onTestFinished(() => reader.close());
  return reader;
}

/** The bytes of record `sequence`: as many as it takes to tell them all apart. */
export function content(sequence: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) frame[i] = (sequence * 31 + i * 7) & 0xff;
  return frame;
}

/** Appends one record of `bytes`; what the claim said. */
export function append(writer: LogWriter, bytes: number, time = 1): number {
  const result = writer.claim(bytes);
  if (result !== 0) return result;
  writer.frame.u8.set(content(writer.last + 1, bytes), writer.offset);
  writer.commit(bytes, time);
  return result;
}

export interface Read {
  readonly sequences: number[];
  /** Sequences of those that are not what was appended under them. */
  readonly wrong: number[];
  /** What ended it: NOTHING or DAMAGED. */
  readonly end: number;
}

/** Everything there is. */
export function readAll(reader: LogReader): Read {
  const sequences: number[] = [];
  const wrong: number[] = [];
  for (;;) {
    const length = reader.next();
    if (length <= 0) return { sequences, wrong, end: length };
    sequences.push(reader.sequence);
    const frame = reader.frame.u8.subarray(reader.offset, reader.offset + length);
    if (Buffer.compare(frame, content(reader.sequence, length)) !== 0) wrong.push(reader.sequence);
  }
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

export function files(directory: string): string[] {
  return readdirSync(directory).sort();
}

/** The header of `bytes` with its checksum, by the layout's words alone. */
export function withChecksum(bytes: Buffer): Buffer {
  const inner = crc32(bytes.subarray(0, 8), crc32(bytes.subarray(8, 12)));
  const word = Buffer.alloc(4);
  word.writeUInt32LE(inner);
  bytes.writeUInt32LE(crc32(bytes.subarray(16, 88), crc32(word)), 12);
  return bytes;
}
