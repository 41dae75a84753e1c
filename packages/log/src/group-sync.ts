import { fdatasync, fsync } from 'node:fs';
import { promisify } from 'node:util';
import { type BusError, fromSystemError } from '@busbar/core/contract';

const toDisk = promisify(fdatasync);
const folderToDisk = promisify(fsync);

/** What is to be on the disk when a sync returns. */
export interface Unsynced {
  /** Descriptors of segments; they stay open until the sync has returned. */
  readonly files: readonly number[];
  /** The folder's, when a file in it is new. */
  readonly folder: number | undefined;
  /** Sequence of the last record in them. */
  readonly upTo: number;
}

/**
 * One sync at a time: what is committed while one runs is the next one's group. So a single record waits for nothing but
 * its own sync, and a flood of them for two.
 */
export class GroupSync {
  /** Highest sequence that is on the disk. */
  synced: number;
  /** Nothing more is believed to get there: after a failed fdatasync the kernel may have forgotten what it was to write. */
  failed: BusError | undefined;
  readonly #collect: () => Unsynced;
  readonly #done: () => void;
  #running: Promise<void> | undefined;
  #wanted = 0;

  /** `collect` says what is to be synced now, `done` hears that `synced` or `failed` has changed. */
  constructor(synced: number, collect: () => Unsynced, done: () => void) {
    this.synced = synced;
    this.#collect = collect;
    this.#done = done;
  }

  /** Everything up to `sequence` is to be on the disk. */
  request(sequence: number): void {
    this.#wanted = Math.max(this.#wanted, sequence);
    if (this.#wanted > this.synced && this.failed === undefined) this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // What is committed in the rest of this turn belongs to the same group.
    await Promise.resolve();
    while (this.#wanted > this.synced && this.failed === undefined) {
      const { files, folder, upTo } = this.#collect();
      try {
        await Promise.all(files.map((fd) => toDisk(fd)));
        if (folder !== undefined) await folderToDisk(folder);
        this.synced = Math.max(this.synced, upTo);
      } catch (error) {
        this.failed = fromSystemError(error, 'the disk did not take the log', 'fdatasync');
      }
      this.#done();
    }
    this.#running = undefined;
  }

  /** Resolves when no sync runs. */
  idle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }
}
