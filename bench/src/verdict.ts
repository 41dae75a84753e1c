import type { Measured } from './measure.ts';
import type { RowSpec } from './row.ts';

/** A row against its target. */
export interface Verdict {
  /** The row's figure over its floor's; undefined without a floor. */
  readonly ratio: number | undefined;
  /** What was asked, in words; '' when nothing was. */
  readonly target: string;
  readonly met: boolean;
}

export function judge(spec: RowSpec, { row, fairness }: Measured): Verdict {
  const latency = spec.target?.figure === 'p50' || (spec.target === undefined && row.p50 > 0);
  const [own, floor] = latency ? [row.p50, row.floor?.p50] : [row.msgsPerSec, row.floor?.msgsPerSec];
  const ratio = floor === undefined ? undefined : own / floor;
  const fair = spec.fairness === undefined || fairness >= spec.fairness;
  const words = spec.fairness === undefined ? '' : `, slowest >= ${spec.fairness} x fastest (${fairness.toFixed(2)})`;
  const target = spec.target;
  if (target === undefined) return { ratio, target: '', met: true };
  const verdict = (met: boolean, text: string): Verdict => ({ ratio, target: text + words, met: met && fair });
  if ('atMostRatio' in target)
    return verdict((ratio ?? Infinity) <= target.atMostRatio, `<= ${times(target.atMostRatio)}`);
  if ('atLeastRatio' in target) return verdict((ratio ?? 0) >= target.atLeastRatio, `>= ${times(target.atLeastRatio)}`);
  if ('atLeastBytes' in target)
    return verdict(row.gbPerSec * 1e9 >= target.atLeastBytes, `>= ${target.atLeastBytes / 1e9} GB/s`);
  if ('atLeast' in target) return verdict(own >= target.atLeast, `>= ${target.atLeast / 1e6} M/s`);
  if (target.figure === 'p99') return verdict(row.p99 <= target.atMostNanos, `p99 <= ${target.atMostNanos / 1e6} ms`);
  if ('atMostNanos' in target) return verdict(own <= target.atMostNanos, `<= ${target.atMostNanos} ns`);
  return verdict(own - (floor ?? 0) <= target.atMostNanosOver, `<= floor + ${target.atMostNanosOver / 1000} us`);
}

/** A third needs no sixteen digits. */
function times(ratio: number): string {
  return `${Number(ratio.toFixed(3))} x`;
}
