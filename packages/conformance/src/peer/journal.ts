import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * What a sender was doing when it was killed: two words in a file, written in place before and after each commit.
 * A write that returned survives the death of its process.
 */
export class Journal {
  readonly #descriptor: number;
  readonly #words = new Uint32Array(2);

  constructor(path: string) {
    this.#descriptor = openSync(path, 'w');
  }

  /** Frame `sequence` is about to be claimed and written. */
  writing(sequence: number): void {
    this.#words[0] = sequence + 1;
    writeSync(this.#descriptor, this.#words, 0, 8, 0);
  }

  /** The first `frames` frames are committed and flushed. */
  committed(frames: number): void {
    this.#words[1] = frames;
    writeSync(this.#descriptor, this.#words, 0, 8, 0);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

export interface JournalState {
  /** Frames committed and flushed. */
  readonly committed: number;
  /** Death came between the claim of a frame and the end of its flush. */
  readonly inWindow: boolean;
}

export function readJournal(path: string): JournalState {
  const bytes = readFileSync(path);
  if (bytes.length < 8) return { committed: 0, inWindow: false };
  const committed = bytes.readUInt32LE(4);
  return { committed, inWindow: bytes.readUInt32LE(0) > committed };
}
