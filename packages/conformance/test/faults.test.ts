import { CAMPAIGNS, isClean, type Row, resolveTarget } from '@busbar/conformance/campaigns';
import { FAULTS } from '@busbar/conformance/faults';
import { describe, expect, test } from 'vitest';

/** Counts that still meet every planted fault; a campaign not named here runs with the suite's own. */
const TRIALS: Readonly<Record<string, number>> = {
  payloads: 20_000,
  'kill-sender': 24,
  'kill-receiver': 4,
  closing: 300,
  reconnecting: 20,
  garbage: 2_000,
  idle: 1,
};
const PATIENCE_MS = 1_500;
const TIMEOUT_MS = 300_000;

/** The rows that fail for one export of the faults, each with what was found. */
async function failingRows(name: string): Promise<Map<Row, readonly string[]>> {
  const target = await resolveTarget({
    plugin: '@busbar/conformance/faults',
    export: name,
    from: import.meta.url,
  });
  const failing = new Map<Row, readonly string[]>();
  for (const campaign of CAMPAIGNS) {
    if (!campaign.applies(target.capabilities)) continue;
    const trials = TRIALS[campaign.name] ?? campaign.suiteTrials;
    const result = await campaign.run(target, { trials, patienceMs: PATIENCE_MS });
    if (!isClean(result)) failing.set(campaign.row, [campaign.name, ...result.findings]);
  }
  return failing;
}

describe.concurrent('the suite is proved', () => {
  test('green on the sound lane', { timeout: TIMEOUT_MS }, async () => {
    expect(Object.fromEntries(await failingRows('lane'))).toEqual({});
  });

  for (const [name, row] of Object.entries(FAULTS)) {
    test(`${name} breaks ${row} and nothing else`, { timeout: TIMEOUT_MS }, async () => {
      const failing = await failingRows(name);
      expect([...failing.keys()], JSON.stringify([...failing])).toEqual([row]);
    });
  }
});
