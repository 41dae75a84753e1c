import { between } from '@busbar/conformance/campaigns';

/** What happens to a transport while it carries messages. */
export const FAULTS = ['closed', 'filled', 'degraded', 'endpointKilled'] as const;
export type FaultKind = (typeof FAULTS)[number];

/** One of the four, on one of the transports. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** Struck if it carries messages by then; else another one that does. */
  readonly transport: string;
}

/** `count` faults in a random order in which every kind, and every kind on every transport, comes equally often. */
export function planFaults(next: () => number, count: number, transports: readonly string[]): PlannedFault[] {
  const all = FAULTS.flatMap((kind) => transports.map((transport) => ({ kind, transport })));
  const plan: PlannedFault[] = [];
  while (plan.length < count) plan.push(...shuffled(next, all));
  // Of the kinds in a rest, none comes twice before all have come once.
  const whole = count - (count % all.length);
  const rest = transports.flatMap((_, turn) =>
    shuffled(next, FAULTS).map((kind, index) => ({ kind, transport: transports[(index + turn) % transports.length] })),
  );
  return [...plan.slice(0, whole), ...rest.slice(0, count - whole)];
}

function shuffled<T>(next: () => number, list: readonly T[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = between(next, 0, i);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
