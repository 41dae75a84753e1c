import { type CampaignResult, COUNTS, isClean } from '@busbar/conformance/campaigns';

const NAME_WIDTH = 20;
/** Of a terminal, less the indent of what stands below a line of counts. */
const REMARK_WIDTH = 78;

export const HEADING = [
  'campaign'.padEnd(NAME_WIDTH),
  'trials'.padStart(9),
  'hits'.padStart(9),
  ...COUNTS.map((count) => (count === 'duplicated' ? 'dupl' : count.slice(0, 5)).padStart(6)),
].join('');

/** One line of counts; what was found and measured below it. */
export function lines(result: CampaignResult): string {
  const counts = [
    result.name.padEnd(NAME_WIDTH),
    String(result.trials).padStart(9),
    String(result.hits).padStart(9),
    ...COUNTS.map((count) => String(result[count]).padStart(6)),
  ].join('');
  const measured = Object.entries(result.measured).map(([what, value]) => `${what} ${Math.round(value * 100) / 100}`);
  const remarks = [
    ...inLines(measured),
    ...result.findings,
    ...(result.hits === 0 ? ['no hits: this run proves nothing'] : []),
    ...(isClean(result) ? [] : [`replay with: npm run prove -- ${result.name} --seed ${result.seed}`]),
  ];
  return [counts, ...remarks.map((remark) => `  ${remark.replaceAll('\n', '\n  ')}`)].join('\n');
}

/** As many to a line as it holds. */
function inLines(parts: readonly string[]): string[] {
  const lines: string[] = [];
  for (const [index, part] of parts.entries()) {
    const text = index < parts.length - 1 ? `${part},` : part;
    const longer = `${lines.at(-1) ?? ''} ${text}`;
    if (lines.length > 0 && longer.length <= REMARK_WIDTH) lines[lines.length - 1] = longer;
    else lines.push(text);
  }
  return lines;
}
