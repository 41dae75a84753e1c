import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fromSystemError } from '../contract/index.ts';

/** What the name of a participant's record tells: whom to dial is decided without opening a file. */
export interface ParticipantRecord {
  readonly id: string;
  /** When it joined, in whole us of the machine's monotonic clock. */
  readonly since: number;
}

const FILE = /^([0-9a-f]{16})\.(\d{1,16})\.json$/;

/**
 * How participants of one bus find each other: a small file each, named by instance id and time. What stands in it is
 * for people; what its name says is believed after HELLO.
 */
export class Records {
  readonly #busFolder: string;
  readonly #folder: string;

  constructor(busFolder: string) {
    this.#busFolder = busFolder;
    this.#folder = path.join(busFolder, 'participants');
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw fromSystemError(error, 'the folder of participants cannot be made', this.#folder);
    }
  }

  /** Appears whole: temporary name, then rename. */
  write(record: ParticipantRecord, content: { readonly name: string; readonly pid: number }): void {
    const temporary = path.join(this.#folder, `.${record.id}`);
    try {
      writeFileSync(temporary, JSON.stringify({ id: record.id, ...content }), { mode: 0o600 });
      renameSync(temporary, this.#file(record));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw fromSystemError(error, 'the record of this participant cannot be written', this.#folder);
    }
  }

  /** Every record there is; other files are passed over. */
  list(): ParticipantRecord[] {
    const records: ParticipantRecord[] = [];
    for (const file of readdirSync(this.#folder)) {
      const match = FILE.exec(file);
      if (match !== null) records.push({ id: match[1], since: Number(match[2]) });
    }
    return records;
  }

  has(record: ParticipantRecord): boolean {
    return existsSync(this.#file(record));
  }

  /**
   * Removes what a participant has left: every file that bears its id. Anybody may, once it is dead: ids are never used
   * again. The record goes last, so that a remover who dies halfway is followed by another. Never throws.
   */
  remove(record: ParticipantRecord): void {
    try {
      for (const folder of [this.#busFolder, this.#folder]) {
        for (const file of readdirSync(folder)) {
          const name = path.join(folder, file);
          if (file.includes(record.id) && name !== this.#file(record)) rmSync(name, { force: true });
        }
      }
      rmSync(this.#file(record), { force: true });
    } catch {
      // Out of descriptors, or the folder is gone: whoever scans next tries again.
    }
  }

  #file({ id, since }: ParticipantRecord): string {
    return path.join(this.#folder, `${id}.${since}.json`);
  }
}
