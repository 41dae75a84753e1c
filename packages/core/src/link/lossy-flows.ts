import { FLOWS_PER_LINK } from '../contract/index.ts';
import type { OutMessage } from './out-message.ts';

/**
 * Flows that use lossy and lossless routes side by side. A receiver passes a gap that only lossy frames have shown;
 * two rules of the sender keep that from ever touching a reliable message. Exists only on links with a lossy route.
 */
export class LossyFlows {
  /** By flow index: the highest sequence sent over a lossless route, whatever was sent again since. */
  readonly #lastLossless: Float64Array;
  /** By flow index: the first sequence sent over a lossy route that the receiver was not told about; 0 for none. */
  readonly #lossyFrom = new Float64Array(FLOWS_PER_LINK);

  /** `sent`: by flow index, the highest sequence of what lossless routes have carried before. */
  constructor(sent: Float64Array = new Float64Array(FLOWS_PER_LINK)) {
    this.#lastLossless = Float64Array.from(sent);
  }

  /**
   * Its last frame is committed. Rule 2: behind a frame of a lossless route the receiver is told what may be missing
   * before it: from the result on. 0: nothing. What came over lossless routes is never in the range.
   */
  sent(message: OutMessage, lossless: boolean): number {
    const flow = message.priority * 64 + message.flow;
    const from = this.#lossyFrom[flow];
    if (!lossless) {
      if (from === 0) this.#lossyFrom[flow] = message.sequence;
      return 0;
    }
    this.#lastLossless[flow] = Math.max(this.#lastLossless[flow], message.sequence);
    if (from === 0 || from > message.sequence) return 0;
    this.#lossyFrom[flow] = 0;
    return from;
  }

  /** Rule 1: best-effort frames stay off lossy routes while lossless ones of their flow are unconfirmed. */
  mustAvoidLossy(flow: number, confirmed: number): boolean {
    return confirmed < this.#lastLossless[flow];
  }
}
