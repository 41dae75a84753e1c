import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fromSystemError } from '../contract/index.ts';

/** How participants of one bus find each other: a small file each, named by instance id. */
export interface ParticipantRecord {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  /** When it joined, in ms of the machine's monotonic clock. */
  readonly since: number;
  /** File name of the control socket, in the same folder. */
  readonly socket: string;
}

const SUFFIX = '.json';
const ID = /^[0-9a-f]{16}$/;

/** The records of one bus. They only point to sockets: what they say is believed after HELLO. */
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
  write(record: ParticipantRecord): void {
    const temporary = path.join(this.#folder, `.${record.id}`);
    try {
      writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
      renameSync(temporary, path.join(this.#folder, record.id + SUFFIX));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw fromSystemError(error, 'the record of this participant cannot be written', this.#folder);
    }
  }

  /** Ids of all records. */
  ids(): string[] {
    return readdirSync(this.#folder)
      .filter((file) => file.endsWith(SUFFIX) && ID.test(file.slice(0, -SUFFIX.length)))
      .map((file) => file.slice(0, -SUFFIX.length));
  }

  has(id: string): boolean {
    return existsSync(path.join(this.#folder, id + SUFFIX));
  }

  /** Undefined when it is gone or makes no sense. */
  read(id: string): ParticipantRecord | undefined {
    try {
      const record = JSON.parse(
        readFileSync(path.join(this.#folder, id + SUFFIX), 'utf8'),
      ) as Partial<ParticipantRecord>;
      if (record.id !== id || typeof record.socket !== 'string' || record.socket !== path.basename(record.socket))
        return undefined;
      return {
        id,
        name: String(record.name),
        pid: Number(record.pid),
        since: Number(record.since),
        socket: record.socket,
      };
    } catch {
      return undefined;
    }
  }

  /**
   * Removes what a participant has left: every file that bears its id. Anybody may, once it is dead: ids are never used
   * again. The record goes last, so that a remover who dies halfway is followed by another. Never throws.
   */
  remove(id: string): void {
    try {
      for (const folder of [this.#busFolder, this.#folder]) {
        for (const file of readdirSync(folder)) {
          if (file.includes(id) && file !== id + SUFFIX) rmSync(path.join(folder, file), { force: true });
        }
      }
      rmSync(path.join(this.#folder, id + SUFFIX), { force: true });
    } catch {
      // Out of descriptors, or the folder is gone: whoever scans next tries again.
    }
  }
}
