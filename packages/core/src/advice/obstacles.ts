import { DURABILITIES } from '../contract/index.ts';
import { MECHANISMS, type Mechanism, type MechanismFacts } from './mechanisms.ts';
import type { CheckedNeed } from './need.ts';
import { gigabytes, inGigabytes, inMicros, micros, type Reach, type ReachOf } from './reach.ts';

/** The first hard requirement that a mechanism cannot keep on any machine, in words; undefined when it keeps them all. */
export function impossible(mechanism: Mechanism, need: CheckedNeed): string | undefined {
  const can = MECHANISMS[mechanism];
  if (need.browser && !can.remote) return 'no browser can use it';
  if (!need.sameMachine && !can.remote) return 'it ends at the border of the machine';
  if (need.bidirectional && can.oneWay) return 'it goes one way only';
  if (DURABILITIES.indexOf(can.durable) < DURABILITIES.indexOf(need.durability)) return 'it keeps nothing';
  return cannotJoin(can, need);
}

function cannotJoin({ joins }: MechanismFacts, { related, partner }: CheckedNeed): string | undefined {
  if (partner === 'desktop' && joins !== 'desktop') return 'services of the desktop do not listen to it';
  if (joins === 'desktop' && partner !== 'desktop') return 'it is for services of the desktop';
  if (joins === 'child' && partner !== 'child') return 'it joins a process with a child that it starts itself';
  if (joins === 'related' && !related) return 'it joins related processes only';
  return undefined;
}

/** Why it cannot serve here and now: hard requirements, then whether it works on this host, then figures. */
export function obstacle(mechanism: Mechanism, need: CheckedNeed, reachOf: ReachOf): string | undefined {
  const reach = reachOf(mechanism);
  return impossible(mechanism, need) ?? unusable(reach) ?? tooSlow(reach, need) ?? tooNarrow(reach, need);
}

export function unusable({ unavailable }: Reach): string | undefined {
  if (unavailable === undefined) return undefined;
  const { code, reason, fix } = unavailable;
  return `it cannot be used on this host: ${code}, ${reason} (${fix})`;
}

function tooSlow({ latencyMicros: figure }: Reach, { latencyMicros: asked }: CheckedNeed): string | undefined {
  if (asked === undefined) return undefined;
  if (figure === undefined) return 'its latency is not known';
  return figure.value <= asked ? undefined : `it takes ${inMicros(figure)}, and ${micros(asked)} are asked for`;
}

function tooNarrow({ bytesPerSecond: figure }: Reach, need: CheckedNeed): string | undefined {
  const asked = need.throughputBytesPerSecond;
  if (asked === undefined) return undefined;
  if (figure === undefined) return 'its throughput is not known';
  return figure.value >= asked ? undefined : `it carries ${inGigabytes(figure)}, and ${gigabytes(asked)} are asked for`;
}

/** By what factor it misses the figure that it misses most: 1 or less keeps all; infinite where nothing is known. */
export function shortfall(mechanism: Mechanism, need: CheckedNeed, reachOf: ReachOf): number {
  const { latencyMicros, bytesPerSecond } = reachOf(mechanism);
  const { latencyMicros: micros, throughputBytesPerSecond: bytes } = need;
  return Math.max(
    micros === undefined ? 0 : (latencyMicros?.value ?? Number.POSITIVE_INFINITY) / micros,
    bytes === undefined ? 0 : bytes / (bytesPerSecond?.value ?? 0),
  );
}

/** What it reaches of what was asked for, with where that is known from; '' when no figure was. */
export function reached(mechanism: Mechanism, need: CheckedNeed, reachOf: ReachOf): string {
  const { latencyMicros, bytesPerSecond } = reachOf(mechanism);
  const parts: string[] = [];
  if (need.latencyMicros !== undefined && latencyMicros !== undefined) parts.push(`takes ${inMicros(latencyMicros)}`);
  if (need.throughputBytesPerSecond !== undefined && bytesPerSecond !== undefined)
    parts.push(`carries ${inGigabytes(bytesPerSecond)}`);
  return parts.length === 0 ? '' : `${mechanism} ${parts.join(' and ')}`;
}
