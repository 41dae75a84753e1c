import { type CampaignResult, Tally } from '@busbar/conformance/campaigns';

/** One way to try what the bus or a transport promises; every count of its result but `trials` and `hits` must be 0. */
export interface ProveCampaign {
  readonly name: string;
  /** Trials without options, and with `--full`. */
  readonly smoke: number;
  readonly full: number;
  /** Everything random follows from `seed`. */
  run(trials: number, seed: number): Promise<CampaignResult>;
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
      const tally = new Tally(name, seed);
      try {
        await execute(tally, trials, seed);
      } catch (error) {
        tally.find(`the campaign broke off: ${error instanceof Error ? error.stack : String(error)}`);
      }
      return tally.result();
    },
  };
}
