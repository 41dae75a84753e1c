/** `npm run prove`: the fault campaigns. Exit code 1 when anything was found, or a campaign missed what it is after. */
import { writeFileSync } from 'node:fs';
import { type CampaignResult, isClean } from '@busbar/conformance/campaigns';
import { allCampaigns } from './campaigns/index.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { HEADING, lines } from './table.ts';

async function prove(options: Options): Promise<boolean> {
  // People read stderr when the JSON goes to stdout.
  const print = options.json === '-' ? console.error : console.log;
  print(`seed ${options.seed}, Node ${process.version}`);
  print(HEADING);
  const results: CampaignResult[] = [];
  for (const campaign of options.campaigns) {
    const trials = options.count ?? (options.full ? campaign.full : campaign.smoke);
    const result = await campaign.run(trials, options.seed);
    results.push(result);
    print(lines(result));
  }
  const json = `${JSON.stringify(results, undefined, 2)}\n`;
  if (options.json === '-') process.stdout.write(json);
  else if (options.json !== undefined) writeFileSync(options.json, json);
  return results.every(isClean);
}

let options: Options | undefined;
try {
  options = readOptions(process.argv.slice(2), await allCampaigns());
} catch (error) {
  console.error(`prove: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
}
process.exitCode = options !== undefined && (await prove(options)) ? 0 : 1;
