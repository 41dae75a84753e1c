import type { SendReport } from '../peer/outlet.ts';
import type { StreamReport } from '../peer/stream-check.ts';

/** What one campaign found. Every count but `trials` and `hits` must be 0. */
export interface CampaignResult {
  /** Transport and campaign: `uds/kill-sender`. */
  readonly name: string;
  readonly seed: number;
  readonly trials: number;
  /** Trials that met the state the campaign is after; a campaign without hits proves nothing. */
  readonly hits: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly corrupt: number;
  /** Trials after which the transport no longer moved frames. */
  readonly wedged: number;
  /** Calls that neither succeeded nor failed. */
  readonly hung: number;
  /** Descriptors, mappings, files, handles left behind. */
  readonly leaked: number;
  /** Everything else that must not be, and examples of the above, in words. */
  readonly findings: readonly string[];
  /** Measured on the way; judged by nobody. */
  readonly measured: Readonly<Record<string, number>>;
}

/** What must not be, as a result counts it. */
export const COUNTS = ['lost', 'duplicated', 'reordered', 'corrupt', 'wedged', 'hung', 'leaked'] as const;
type Count = (typeof COUNTS)[number];

/** True when nothing was found and the campaign met what it was after. */
export function isClean(result: CampaignResult): boolean {
  return result.hits > 0 && result.findings.length === 0 && COUNTS.every((count) => result[count] === 0);
}

const MAX_FINDINGS = 20;

/** Gathers the counts of one campaign. */
export class Tally {
  readonly #name: string;
  readonly #seed: number;
  readonly #counts: Record<Count, number> = {
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    wedged: 0,
    hung: 0,
    leaked: 0,
  };
  readonly #findings: string[] = [];
  readonly #measured: Record<string, number> = {};
  trials = 0;
  hits = 0;

  constructor(name: string, seed: number) {
    this.#name = name;
    this.#seed = seed;
  }

  /** Counts `amount` of what must be 0, with an example. */
  count(what: Count, amount: number, example?: string): void {
    this.#counts[what] += amount;
    if (amount > 0) this.find(`${what} ${amount}${example === undefined ? '' : `: ${example}`}`);
  }

  /** Notes something that must not be. */
  find(finding: string): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
  }

  /** Notes `finding` unless `condition` holds. */
  expect(condition: boolean, finding: string): void {
    if (!condition) this.find(finding);
  }

  /** Notes a figure; of several by one name the greatest stays. */
  measure(what: string, value: number): void {
    this.#measured[what] = Math.max(this.#measured[what] ?? value, value);
  }

  /** A stream of which `committed` frames were sent; what may be missing or out of order is up to the capabilities. */
  stream(report: StreamReport, committed: number, may: { lose?: boolean; reorder?: boolean } = {}): void {
    if (may.lose !== true) this.count('lost', committed - report.arrived);
    this.count('duplicated', report.duplicated);
    if (may.reorder !== true) this.count('reordered', report.reordered);
    this.count('corrupt', report.corrupt);
    if (report.corrupt + report.duplicated > 0 || (may.reorder !== true && report.reordered > 0)) {
      for (const note of report.notes) this.find(note);
    }
  }

  /** A send call that must have committed all of `count` frames. */
  sent(report: SendReport, count: number): void {
    this.expect(
      report.committed === count && report.result === 'OK',
      `${report.committed} of ${count} frames committed, the last claim said ${report.result}`,
    );
  }

  result(): CampaignResult {
    return {
      name: this.#name,
      seed: this.#seed,
      trials: this.trials,
      hits: this.hits,
      ...this.#counts,
      findings: this.#findings,
      measured: this.#measured,
    };
  }
}
