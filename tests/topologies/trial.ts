import fc from 'fast-check';
import { vi } from 'vitest';
import { Random } from '../../packages/core/test/support/random.ts';
import type { Finding } from './ledger.ts';
import { type Plan, plans } from './plan.ts';
import { World } from './world.ts';

/** For one plan, and, when it fails, for making it smaller. */
const TRIAL_MS = 20_000;

/** One seed: what did not hold, and whether chaos touched anything. */
export interface Trial {
  readonly findings: readonly Finding[];
  readonly isDisturbed: boolean;
  /** The smallest plan found that fails. */
  readonly plan: Plan | undefined;
}

/** Everything follows from the seed. */
export async function tryOut(seed: number): Promise<Trial> {
  let isDisturbed = false;
  let findings: readonly Finding[] = [];
  let plan: Plan | undefined;
  // Only the jitter of retries uses it.
  const jitter = vi.spyOn(Math, 'random');
  const property = fc.asyncProperty(fc.noBias(plans), async (tried) => {
    jitter.mockImplementation(new Random(seed).next);
    const world = await World.create(tried);
    const found = await world.live();
    isDisturbed ||= world.disturbances > 0;
    if (found.length === 0) return true;
    findings = found;
    plan = tried;
    return false;
  });
  try {
    const limit = { interruptAfterTimeLimit: TRIAL_MS, markInterruptAsFailure: true };
    const { failed, errorInstance } = await fc.check(property, { seed: seed | 0, numRuns: 1, ...limit });
    // Thrown, or without an end: no finding about messages, but nothing that may pass.
    if (failed && findings.length === 0) throw errorInstance ?? new Error(`seed ${seed} did not end in ${TRIAL_MS} ms`);
  } finally {
    jitter.mockRestore();
  }
  return { findings, isDisturbed, plan };
}
