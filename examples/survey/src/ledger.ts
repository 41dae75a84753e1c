import type { FindingMessage, SightingMessage } from './contracts.ts';

/**
 * Where a file stands. It moves to the right, and back when an agent that held it is gone:
 *
 *     waiting -> reading -> examined -> found -> kept
 *                     \-> unreadable
 *
 * reading: a reader was asked; examined: its content is with the analyst; found: the ledger has the finding; kept: the
 * archivist has it too.
 */
type State = 'waiting' | 'reading' | 'examined' | 'found' | 'kept' | 'unreadable';

interface Entry {
  readonly path: string;
  readonly bytes: number;
  state: State;
  /** Of the last step, in ms of the caller's clock. */
  since: number;
  /** Instance id of the analyst that took the content. */
  analyst: string | undefined;
  finding: FindingMessage | undefined;
  /** The archivist has confirmed it; that news may come before the finding itself, by another link. */
  confirmed: boolean;
}

export interface Problem {
  readonly path: string;
  readonly reason: string;
}

/**
 * What the orchestrator knows of every file; the one place that must not be lost. Idempotent: agents that were
 * restarted tell everything again, and work done twice counts once.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  /** May hold entries that have moved on meanwhile; `next` skips them. */
  #waiting: Entry[] = [];
  #nextWaiting = 0;
  readonly #problems = new Map<string, string>();
  readonly #counts: Record<State, number> = {
    waiting: 0,
    reading: 0,
    examined: 0,
    found: 0,
    kept: 0,
    unreadable: 0,
  };
  /** Bytes of the files that are kept. */
  keptBytes = 0;
  /** Instance id of the analyst at work, as far as it has checked in. */
  #analyst: string | undefined;
  /** The scout has announced everything there is. */
  scanned = false;
  /** Files that were given to a reader once more. */
  reassigned = 0;

  /** Files known, without those that cannot be read. */
  get files(): number {
    return this.#entries.size - this.#counts.unreadable;
  }

  get kept(): number {
    return this.#counts.kept;
  }

  get complete(): boolean {
    return this.scanned && this.kept === this.files;
  }

  get problems(): readonly Problem[] {
    return [...this.#problems].map(([path, reason]) => ({ path, reason })).sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  sighted({ path, bytes, problem }: SightingMessage, now: number): void {
    if (problem !== undefined) this.#problems.set(path, problem);
    if (problem !== undefined || this.#entries.has(path)) return;
    const entry: Entry = {
      path,
      bytes,
      state: 'waiting',
      since: now,
      analyst: undefined,
      finding: undefined,
      confirmed: false,
    };
    this.#entries.set(path, entry);
    this.#counts.waiting++;
    this.#waiting.push(entry);
  }

  /** The next file to read, now `reading`; undefined when none waits. */
  next(now: number): { readonly path: string; readonly bytes: number } | undefined {
    while (this.#nextWaiting < this.#waiting.length) {
      const entry = this.#waiting[this.#nextWaiting++];
      if (entry.state !== 'waiting') continue;
      this.#move(entry, 'reading', now);
      return entry;
    }
    this.#waiting = [];
    this.#nextWaiting = 0;
    return undefined;
  }

  /** The content of `path` is with the analyst of that instance id; if that one is history, the file waits again. */
  delivered(path: string, analyst: string, now: number): void {
    const entry = this.#entry(path);
    if (entry.state !== 'reading') return;
    entry.analyst = analyst;
    if (this.#analyst === undefined || this.#analyst === analyst) this.#move(entry, 'examined', now);
    else this.#wait(entry, now);
  }

  unreadable(path: string, reason: string, now: number): void {
    const entry = this.#entry(path);
    if (entry.state !== 'reading') return;
    this.#problems.set(path, reason);
    this.#move(entry, 'unreadable', now);
  }

  /** The reader, or the analyst it should have gone to, is gone: the file waits again. */
  returned(path: string, now: number): void {
    const entry = this.#entry(path);
    if (entry.state === 'reading') this.#wait(entry, now);
  }

  found(finding: FindingMessage, now: number): void {
    const entry = this.#entry(finding.path);
    if (entry.finding !== undefined) return;
    entry.finding = finding;
    this.#problems.delete(finding.path);
    this.#move(entry, 'found', now);
    if (entry.confirmed) this.#keep(entry, now);
  }

  /** The archivist at work holds the findings of `paths`. */
  confirmed(paths: readonly string[], now: number): void {
    for (const path of paths) {
      const entry = this.#entry(path);
      entry.confirmed = true;
      if (entry.state === 'found') this.#keep(entry, now);
    }
  }

  /** An analyst has started: what another one took, and has not reported, must be read again. */
  analystStarted(analyst: string, now: number): void {
    this.#analyst = analyst;
    for (const entry of this.#entries.values())
      if (entry.state === 'examined' && entry.analyst !== analyst) this.#wait(entry, now);
  }

  /** Whatever the archivist held is gone with it. */
  archivistGone(now: number): void {
    for (const entry of this.#entries.values()) {
      entry.confirmed = false;
      if (entry.state === 'kept') this.#move(entry, 'found', now);
    }
    this.keptBytes = 0;
  }

  /** Findings that no archivist has confirmed, found before `before`. */
  unkept(before: number): FindingMessage[] {
    const findings: FindingMessage[] = [];
    for (const { state, since, finding } of this.#entries.values())
      if (state === 'found' && since <= before && finding !== undefined) findings.push(finding);
    return findings;
  }

  /** The net under everything above: what the analyst has had since before `before` is read again. */
  overdue(before: number, now: number): void {
    for (const entry of this.#entries.values())
      if (entry.state === 'examined' && entry.since < before) this.#wait(entry, now);
  }

  #entry(path: string): Entry {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw new Error(`the ledger knows no file ${path}`);
    return entry;
  }

  #keep(entry: Entry, now: number): void {
    this.keptBytes += entry.bytes;
    this.#move(entry, 'kept', now);
  }

  #wait(entry: Entry, now: number): void {
    this.#move(entry, 'waiting', now);
    this.#waiting.push(entry);
    this.reassigned++;
  }

  #move(entry: Entry, state: State, now: number): void {
    this.#counts[entry.state]--;
    this.#counts[state]++;
    entry.state = state;
    entry.since = now;
  }
}
