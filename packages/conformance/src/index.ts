import { describe, expect, test } from 'vitest';
import { CAMPAIGNS, isClean, resolveTarget, type TargetOptions } from './campaigns/index.ts';

/** Above the deadline that each campaign sets itself. */
const TIMEOUT_MS = 300_000;

/**
 * Registers the whole suite for one transport. A plugin's test file is this call and nothing else:
 *
 * ```ts
 * transportConformance({ plugin: '@busbar/transport-uds', export: 'uds', from: import.meta.url });
 * ```
 *
 * What is tried follows from the capabilities that the plugin ships.
 */
export function transportConformance(options: TargetOptions): void {
  describe(`conformance of ${options.plugin}`, async () => {
    const target = await resolveTarget(options);
    for (const campaign of CAMPAIGNS) {
      if (!campaign.applies(target.capabilities)) continue;
      test(`${campaign.row} ${campaign.name}: ${campaign.claim}`, { timeout: TIMEOUT_MS }, async () => {
        const result = await campaign.run(target);
        expect(isClean(result), JSON.stringify(result, undefined, 2)).toBe(true);
      });
    }
  });
}

export type { TargetOptions } from './campaigns/index.ts';
