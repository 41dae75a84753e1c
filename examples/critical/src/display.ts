import { pictureLines, type Tallies, tableLines } from './report.ts';
import type { Way } from './ways.ts';

/** What a person sees while it runs, and at the end. */
export interface Display {
  /** Called often: shows how things stand where that changes something. */
  show(tallies: Tallies, active: Way, secondsLeft: number): void;
  /** A way has had its turn. */
  turnOver(tallies: Tallies, way: Way): void;
  /** The last word: the table. */
  close(tallies: Tallies): void;
}

/** A table that is drawn over itself on a terminal, a line a turn elsewhere. */
export function displayOn(stream: NodeJS.WriteStream): Display {
  return stream.isTTY ? new Live(stream) : new Lines(stream);
}

const TITLE = 'One critical message at a time, 64 bytes, between two processes; times one way';
const ERASE_TO_END = '\x1b[0J';

class Live implements Display {
  readonly #stream: NodeJS.WriteStream;
  #lines = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(tallies: Tallies, active: Way, secondsLeft: number): void {
    this.#draw([...this.#table(tallies, active), '', `${Math.max(0, Math.ceil(secondsLeft))} s left, Ctrl-C ends it`]);
  }

  turnOver(): void {}

  close(tallies: Tallies): void {
    this.#draw(this.#table(tallies));
  }

  #table(tallies: Tallies, active?: Way): string[] {
    return [TITLE, '', ...tableLines(tallies, active), '', ...pictureLines(tallies)];
  }

  /** A line that the terminal would break in two would spoil the count of lines to go back. */
  #draw(lines: readonly string[]): void {
    const columns = (this.#stream.columns || 80) - 1;
    const back = this.#lines === 0 ? '' : `\x1b[${this.#lines}A`;
    const text = lines.map((line) => `${line.slice(0, columns)}\x1b[K\n`).join('');
    this.#stream.write(`\r${back}${text}${ERASE_TO_END}`);
    this.#lines = lines.length;
  }
}

class Lines implements Display {
  readonly #stream: NodeJS.WriteStream;
  #titled = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(): void {}

  turnOver(tallies: Tallies, way: Way): void {
    const [titles, ...rows] = tableLines(tallies);
    const row = rows.find((line) => line.trimStart().startsWith(way));
    this.#stream.write(`${this.#titled ? '' : `${TITLE}\n${titles}\n`}${row}\n`);
    this.#titled = true;
  }

  close(tallies: Tallies): void {
    this.#stream.write(`\n${[...tableLines(tallies), '', ...pictureLines(tallies)].join('\n')}\n`);
  }
}
