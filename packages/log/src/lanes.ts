import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Alarm } from './alarm.ts';
import { type LogOptions, LogWriter } from './log-writer.ts';

const NAME = /^lane-\d{4,}$/;

/** One producer's log in a stream. */
export class Lane {
  readonly name: string;
  readonly writer: LogWriter;
  /** To be asked after each commit whether somebody is to be woken. */
  readonly alarm: Alarm;

  constructor(name: string, writer: LogWriter, alarm: Alarm) {
    this.name = name;
    this.writer = writer;
    this.alarm = alarm;
  }

  /** Another producer may have it then. */
  async close(): Promise<void> {
    await this.writer.close();
    this.alarm.close();
  }
}

/** The logs of the stream in `directory`, by name. */
export function listLanes(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => NAME.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * A log of the stream in `directory` for one more producer: one that nobody writes any more, or a new one.
 * @throws BusError CORRUPT | VERSION_MISMATCH | INVALID_OPTION | NEEDS_NATIVE | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function openLane(directory: string, options: LogOptions = {}): Lane {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const alarm = new Alarm(directory);
  try {
    const { name, writer } = takeLane(directory, options);
    // A2, also where it was there: who made it may have been stopped before it said so.
    alarm.laneTaken();
    return new Lane(name, writer, alarm);
  } catch (error) {
    alarm.close();
    throw error;
  }
}

function takeLane(directory: string, options: LogOptions): { readonly name: string; readonly writer: LogWriter } {
  const names = listLanes(directory);
  for (let number = 1; ; number++) {
    const name = names.at(number - 1) ?? `lane-${String(number).padStart(4, '0')}`;
    const writer = LogWriter.open(path.join(directory, name), options);
    if (writer !== undefined) return { name, writer };
  }
}
