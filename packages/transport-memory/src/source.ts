import type { FrameHandler, PeerInfo } from '@busbar/core/contract';

/** One peer's frames on their way into an inbox. */
export interface Source {
  readonly peer: PeerInfo;
  /** Frames wait to be read. */
  readonly pending: boolean;
  /** The inbox has it in its list of sources with frames; kept by the inbox. */
  listed: boolean;
  /** Hands over at most `limit` frames; returns how many. */
  read(handler: FrameHandler, limit: number): number;
  /** Takes in at once what is still under way. */
  pull(): void;
  /** No frame will be taken any more: the inbox closed. Tells the sender. */
  inboxClosed(): void;
}
