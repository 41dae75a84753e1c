/** Urgency of a message, 0 first. Flows, queues and the selector all index by this number. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low', 'batch'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const CRITICAL = 0;
export const HIGH = 1;
export const NORMAL = 2;
export const LOW = 3;
export const BATCH = 4;

/**
 * When a delivery counts as settled (docs/architecture.md, section 5).
 *
 * | flag         | settled when                                                |
 * | ------------ | ----------------------------------------------------------- |
 * | best-effort  | handed to a transport, or dropped by policy and counted     |
 * | reliable     | the receiving bus has copied the message out of the medium  |
 * | acknowledged | the handler returned                                        |
 */
export const RELIABILITIES = ['best-effort', 'reliable', 'acknowledged'] as const;
export type Reliability = (typeof RELIABILITIES)[number];

/** What a settled message survives: nothing, kill -9 of every process, power loss. */
export const DURABILITIES = ['volatile', 'process', 'disk'] as const;
export type Durability = (typeof DURABILITIES)[number];

/** What a message needs. Everything here is a promise: what cannot be honoured is refused, never weakened. */
export interface Qos {
  /** Default `normal`. */
  priority?: Priority | undefined;
  /** Default `reliable`. */
  reliability?: Reliability | undefined;
  /** Default `volatile`. */
  durability?: Durability | undefined;
}

/** The number of a priority name, or -1. */
export function priorityIndex(priority: string): number {
  return (PRIORITIES as readonly string[]).indexOf(priority);
}
