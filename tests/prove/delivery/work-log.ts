import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { monotonicMs } from '../monotonic.ts';

/** What a process notes about a task. A worker: `began`, then `done` or `refused`. A producer: `issued`, then the rest. */
export const WORDS = ['began', 'done', 'refused', 'corrupt', 'issued', 'processed', 'dead-lettered'] as const;
export type Word = (typeof WORDS)[number];

export interface Note {
  readonly word: Word;
  /** `producer/topic/key/number`. */
  readonly task: string;
  /** The message was marked so. */
  readonly redelivered: boolean;
  /** On the clock that all processes share. */
  readonly at: number;
}

/** A file of notes that outlives its writer: each is with the kernel before `note` returns, whatever kills the process. */
export class WorkLog {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  note(word: Word, task: string, redelivered = false): void {
    writeSync(this.#file, `${word} ${task} ${redelivered ? 1 : 0} ${monotonicMs()}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** @throws Error when a line is no note */
export function readWorkLog(path: string): Note[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [word, task, mark, at] = line.split(' ');
      if (!WORDS.some((one) => one === word) || Number.isNaN(Number(at))) throw new Error(`${path}: '${line}'`);
      return { word: word as Word, task, redelivered: mark === '1', at: Number(at) };
    });
}
