import type { PeerInfo, Priority } from './contract/index.ts';

/** What `nack` may say. */
export interface NackOptions {
  /** ms until it is sent again. Default: a tenth of a second, doubled with each attempt. */
  retryIn?: number;
  /** For the dead letter, should it become one. */
  reason?: string;
}

/** One received message, as a handler sees it. It may be kept. */
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
  /** It was sent before: to this process, or to one that did not process it or did not say so. */
  readonly redelivered: boolean;
  /**
   * Tells the sender of an `acknowledged` message that it is processed. It is told anyway when the handler returns, or the
   * iterator is asked for the next message; this is for who knows it earlier. Without effect on other messages, and after
   * the first word.
   */
  ack(): void;
  /**
   * Tells the sender of an `acknowledged` message that it is not processed and shall be sent again, as a handler that throws
   * does. Without effect after the first word.
   *
   * @throws BusError MISUSE for a message that is not `acknowledged`: nobody would send it again; INVALID_OPTION.
   */
  nack(options?: NackOptions): void;
}
