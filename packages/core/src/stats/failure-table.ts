import type { Outcome, Reason, ReasonText } from '../outcomes.ts';

/** Deliveries that ended alike. */
export interface FailureCount {
  readonly outcome: Exclude<Outcome, 'delivered' | 'processed'>;
  readonly reason: Reason;
  readonly count: number;
}

type Row = { -readonly [K in keyof FailureCount]: FailureCount[K] };

/** Counts what did not succeed by outcome and fixed reason: bounded by their numbers, whatever the details say. */
export class FailureTable {
  readonly #rows = new Map<string, Row>();
  /** The one of last time: best-effort messages are dropped many in a row. */
  #last: Row | undefined;
  #lastText = '';

  count(outcome: FailureCount['outcome'], text: ReasonText): void {
    if (this.#last === undefined || this.#lastText !== text || this.#last.outcome !== outcome) {
      this.#last = this.#row(outcome, text);
      this.#lastText = text;
    }
    this.#last.count++;
  }

  #row(outcome: FailureCount['outcome'], text: ReasonText): Row {
    const colon = text.indexOf(':');
    const reason = (colon < 0 ? text : text.slice(0, colon)) as Reason;
    const key = `${outcome} ${reason}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { outcome, reason, count: 0 };
      this.#rows.set(key, row);
    }
    return row;
  }

  /** What has happened at all, most frequent first. */
  list(): FailureCount[] {
    return [...this.#rows.values()].map((row) => ({ ...row })).sort((a, b) => b.count - a.count);
  }
}
