import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { between } from '@busbar/conformance/campaigns';
import { OK } from '@busbar/core/contract';
import { LogWriter } from '@busbar/log';
import { recordContent } from './record-content.ts';

/** The layout, by its own words: log-layout.ts is what is on trial. */
const HEADER_PAGE = 4096;
const RECORD_HEADER = 32;
export const SEGMENT_BYTES = 65_536;
const CRC = 12;
const SYNCED = 32;
const BOOT = 64;

/** One record of an image. */
export interface Placed {
  readonly sequence: number;
  readonly segment: number;
  readonly offset: number;
  /** With its header and padding. */
  readonly bytes: number;
  /** What it says to be on the disk. */
  readonly synced: number;
}

/** A log as it lay on the disk when the machine stopped; the machine has started again since. */
export interface LogImage {
  readonly names: readonly string[];
  readonly segments: readonly Buffer[];
  /** What each header says to be on the disk. */
  readonly headers: readonly number[];
  readonly records: readonly Placed[];
}

/** Writes a log of some segments in `folder`, with a sync now and then, and takes it away again. */
export async function makeImage(folder: string, next: () => number): Promise<LogImage> {
  const directory = path.join(folder, 'made');
  const writer = LogWriter.open(directory, { segmentBytes: SEGMENT_BYTES });
  if (writer === undefined) throw new Error(`somebody writes ${directory}`);
  const count = between(next, 1, 150);
  const largest = between(next, 1, 3000);
  for (let n = 1; n <= count; n++) {
    const bytes = between(next, 1, next() < 0.05 ? 20_000 : largest);
    if (writer.claim(bytes) !== OK) throw new Error(`no room for record ${n}`, { cause: writer.trouble });
    writer.frame.u8.set(recordContent(n, bytes), writer.offset);
    writer.commit(bytes, n);
    if (next() > 0.1) continue;
    const synced = new Promise<void>((resolve) => writer.onSynced(resolve));
    writer.sync();
    await synced;
  }
  await writer.close();
  const image = readImage(directory);
  rmSync(directory, { recursive: true });
  return image;
}

function readImage(directory: string): LogImage {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .sort();
  const segments = names.map((name) => inAnotherLife(readFileSync(path.join(directory, name))));
  const records: Placed[] = [];
  for (const [segment, bytes] of segments.entries()) {
    for (let offset = HEADER_PAGE; bytes.readInt32LE(offset) > 0; ) {
      const size = RECORD_HEADER + Math.ceil(bytes.readInt32LE(offset) / 8) * 8;
      const [sequence, synced] = [bytes.readBigUInt64LE(offset + 8), bytes.readBigUInt64LE(offset + 16)];
      records.push({ sequence: Number(sequence), segment, offset, bytes: size, synced: Number(synced) });
      offset += size;
    }
  }
  const headers = segments.map((bytes) => Number(bytes.readBigUInt64LE(SYNCED)));
  return { names, segments, headers, records };
}

/** As written before the machine started. */
function inAnotherLife(segment: Buffer): Buffer {
  segment.fill(0, BOOT, BOOT + 16);
  const inner = Buffer.alloc(4);
  inner.writeUInt32LE(crc32(segment.subarray(0, 8), crc32(segment.subarray(8, 12))));
  segment.writeUInt32LE(crc32(segment.subarray(16, 88), crc32(inner)), CRC);
  return segment;
}

/** Puts `segments` where the log was. */
export function layDown(directory: string, { names }: LogImage, segments: readonly Buffer[]): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [i, name] of names.entries()) writeFileSync(path.join(directory, name), segments[i]);
}
