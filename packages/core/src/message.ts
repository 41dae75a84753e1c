import type { PeerInfo, Priority } from './contract/index.ts';

/** One received message, as a handler sees it. Plain data: it may be kept. */
export interface Message<T = unknown> {
  readonly topic: string;
  readonly data: T;
  readonly from: PeerInfo;
  /** The transport that carried it; `local` within one bus. */
  readonly via: string;
  readonly priority: Priority;
  /** Unique per sender instance; counts up. */
  readonly id: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** One way, in microseconds, on the sampled messages that carry a send time; else undefined. */
  readonly transitMicros: number | undefined;
}
