import { formatBytes, formatCount } from './format.ts';

export interface Standing {
  readonly kept: number;
  readonly files: number;
  /** False while `files` still grows. */
  readonly scanned: boolean;
  readonly keptBytes: number;
  readonly paused: boolean;
}

/** What a person sees while a survey runs. */
export interface Progress {
  /** True when `show` would show something: asked on every step, so that a step costs no line. */
  readonly due: boolean;
  show(standing: Standing): void;
  /** Something happened to the crew. */
  note(text: string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

const BAR_MS = 80;
const LINE_MS = 1000;
const BAR_CELLS = 26;
/** Room for the bar and its figures, in terminals of the narrowest usual width. */
const MAX_COLUMNS = 79;
const CLEAR_LINE = '\r\x1b[2K';

/** A bar on a terminal, a line a second elsewhere. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? new Bar(stream) : new Lines(stream);
}

/** For output that a program reads. */
export const silent: Progress = { due: false, show() {}, note() {}, close() {} };

class Bar implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #shownAt = Number.NEGATIVE_INFINITY;
  #line = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  get due(): boolean {
    return performance.now() - this.#shownAt >= BAR_MS;
  }

  show(standing: Standing): void {
    this.#shownAt = performance.now();
    const share = standing.files === 0 ? 0 : standing.kept / standing.files;
    const full = Math.round(share * BAR_CELLS);
    const percent = standing.scanned ? `${Math.floor(share * 100)} %` : 'scanning';
    this.#line = ['█'.repeat(full) + '░'.repeat(BAR_CELLS - full), percent.padStart(8), describe(standing)]
      .join('  ')
      .slice(0, Math.min((this.#stream.columns || MAX_COLUMNS + 1) - 1, MAX_COLUMNS));
    this.#stream.write(CLEAR_LINE + this.#line);
  }

  note(text: string): void {
    this.#stream.write(`${CLEAR_LINE}  ${text}\n${this.#line}`);
  }

  close(): void {
    this.#stream.write(this.#line === '' ? '' : '\n');
  }
}

class Lines implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #shownAt = performance.now();
  #last = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  get due(): boolean {
    return performance.now() - this.#shownAt >= LINE_MS;
  }

  show(standing: Standing): void {
    this.#shownAt = performance.now();
    const line = `${describe(standing)}${standing.scanned ? '' : ', scanning'}\n`;
    if (line !== this.#last) this.#stream.write(line);
    this.#last = line;
  }

  note(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  close(): void {}
}

function describe({ kept, files, keptBytes, paused }: Standing): string {
  const done = `${formatCount(kept)} of ${formatCount(files)} files, ${formatBytes(keptBytes)}`;
  return paused ? `${done}, paused` : done;
}
