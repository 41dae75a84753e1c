import type { CampaignResult } from '@busbar/conformance/campaigns';

/** One way to try what the bus or a transport promises; every count of its result but `trials` and `hits` must be 0. */
export interface ProveCampaign {
  readonly name: string;
  /** Trials without options, and with `--full`. */
  readonly smoke: number;
  readonly full: number;
  /** Everything random follows from `seed`. */
  run(trials: number, seed: number): Promise<CampaignResult>;
}

export const COUNTS = ['lost', 'duplicated', 'reordered', 'corrupt', 'wedged', 'hung', 'leaked'] as const;
export type Count = (typeof COUNTS)[number];

const MAX_FINDINGS = 20;

/** Gathers the counts of one campaign. */
export class Tally {
  trials = 0;
  /** Trials that met the state the campaign is after. */
  hits = 0;
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

  /** Counts `amount` of what must be 0, with an example. */
  count(what: Count, amount: number, example: string): void {
    if (amount === 0) return;
    this.#counts[what] += amount;
    this.find(`${what} ${amount}: ${example}`);
  }

  /** Notes what must not be. */
  find(finding: string): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
  }

  expect(condition: boolean, finding: string): void {
    if (!condition) this.find(finding);
  }

  /** Keeps the greatest value given for `what`. */
  greatest(what: string, value: number): void {
    this.#measured[what] = Math.max(this.#measured[what] ?? 0, value);
  }

  result(name: string, seed: number): CampaignResult {
    const { trials, hits } = this;
    return { name, seed, trials, hits, ...this.#counts, findings: this.#findings, measured: this.#measured };
  }
}

/** Gives a campaign its tally; what it throws is a finding, so that the other campaigns still run. */
export function campaign(
  definition: Pick<ProveCampaign, 'name' | 'smoke' | 'full'> & {
    readonly execute: (tally: Tally, trials: number, seed: number) => Promise<void>;
  },
): ProveCampaign {
  const { name, smoke, full, execute } = definition;
  return {
    name,
    smoke,
    full,
    async run(trials, seed) {
      const tally = new Tally();
      try {
        await execute(tally, trials, seed);
      } catch (error) {
        tally.find(`the campaign broke off: ${error instanceof Error ? error.stack : String(error)}`);
      }
      return tally.result(name, seed);
    },
  };
}
