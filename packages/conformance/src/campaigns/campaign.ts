import type { TransportCapabilities } from '@busbar/core/contract';
import { Fleet } from '../harness/fleet.ts';
import type { Target } from '../harness/target.ts';
import { type CampaignResult, Tally } from './result.ts';

/** Rows of the table in the README: what every transport must hold. */
export type Row = 'C1' | 'C2' | 'C3' | 'C4' | 'C5' | 'C6' | 'C7' | 'C8' | 'C9' | 'C10' | 'C11' | 'absent';

export interface CampaignOptions {
  /** Everything random follows from it. Default 1. */
  readonly seed?: number;
  /** Default `suiteTrials`. */
  readonly trials?: number;
  /** Milliseconds without any progress after which what is missing counts as lost. Default 5,000. */
  readonly patienceMs?: number;
}

/** One way to try a row on a transport. Runs without a test runner. */
export interface Campaign {
  readonly name: string;
  readonly row: Row;
  /** What must hold, in a sentence. */
  readonly claim: string;
  /** Trials in the suite, and in `prove --full`. */
  readonly suiteTrials: number;
  readonly fullTrials: number;
  applies(capabilities: TransportCapabilities): boolean;
  run(target: Target, options?: CampaignOptions): Promise<CampaignResult>;
}

/** What a campaign's own code works with. */
export interface CampaignRun {
  readonly target: Target;
  readonly capabilities: TransportCapabilities;
  readonly fleet: Fleet;
  readonly tally: Tally;
  readonly trials: number;
  readonly seed: number;
  readonly patienceMs: number;
}

interface CampaignDefinition extends Omit<Campaign, 'run' | 'applies' | 'fullTrials'> {
  readonly fullTrials?: number;
  readonly applies?: (capabilities: TransportCapabilities) => boolean;
  readonly execute: (run: CampaignRun) => Promise<void>;
}

const PATIENCE_MS = 5_000;
/** For the trials of the suite; a campaign that takes longer waits for something that will not come. */
const DEADLINE_MS = 120_000;

/** Gives a campaign its fleet and its tally, and takes the fleet down again. */
export function campaign(definition: CampaignDefinition): Campaign {
  const { name, row, claim, suiteTrials, fullTrials = suiteTrials, applies = () => true, execute } = definition;
  return {
    name,
    row,
    claim,
    suiteTrials,
    fullTrials,
    applies,
    async run(target, { seed = 1, trials = suiteTrials, patienceMs = PATIENCE_MS } = {}) {
      const tally = new Tally(`${target.name}/${name}`, seed);
      const fleet = new Fleet(target);
      const deadline = setTimeout(
        () => {
          tally.count('hung', 1, 'the campaign did not come to its end');
          void fleet.close();
        },
        DEADLINE_MS * Math.max(1, trials / suiteTrials),
      );
      try {
        await execute({ target, capabilities: target.capabilities, fleet, tally, trials, seed, patienceMs });
      } catch (error) {
        tally.find(error instanceof Error ? `the campaign broke off: ${error.stack}` : String(error));
      } finally {
        clearTimeout(deadline);
        await fleet.close();
      }
      return tally.result();
    },
  };
}
