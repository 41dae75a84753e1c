import { chaos } from '@busbar/conformance/chaos';
import type { Policy } from '@busbar/core';
import { memory } from '@busbar/transport-memory';
import { Fabric } from '../../packages/core/test/support/fabric.ts';
import type { PairOptions } from '../../packages/core/test/support/pair.ts';
import type { MediaPlan } from './plan.ts';

/** Media that move when a step says so, and the memory transport behind chaos. */
export function mediaOf({ redConfirms, blue, green, chaos: shares }: MediaPlan): {
  readonly fabrics: readonly Fabric[];
  readonly plugins: NonNullable<PairOptions['plugins']>;
} {
  const fabrics = [new Fabric('red', { confirms: redConfirms ? 'copied' : 'none' })];
  if (blue) fabrics.push(new Fabric('blue'));
  if (green) fabrics.push(new Fabric('green', { lossless: false }));
  return {
    fabrics,
    plugins: (name) =>
      shares === undefined ? [] : [chaos(memory(), { ...shares, seed: shares.seed + name.charCodeAt(0) })],
  };
}

/** Messages of one flow travel on several media at once, by their size. */
export const bySize: Policy = {
  name: 'by size',
  borders: [60, 200],
  prefer: ({ bytes }) => ({
    prefer:
      bytes <= 60
        ? ['green', 'memory', 'red', 'blue']
        : bytes <= 200
          ? ['red', 'blue', 'memory']
          : ['memory', 'blue', 'red'],
    reason: 'by size',
  }),
};
