import { FLOWS_PER_LINK } from '../contract/index.ts';
import type { OutMessage } from './out-message.ts';

/** How far each flow towards one peer has come; by flow index. */
export class OutFlows {
  /** Highest sequence committed. */
  readonly sent = new Float64Array(FLOWS_PER_LINK);
  /** Highest sequence the peer has confirmed by frame, without a gap. */
  readonly confirmed = new Float64Array(FLOWS_PER_LINK);
  /** Reliable messages that have a sequence and have not ended. */
  readonly #underWay = new Int32Array(FLOWS_PER_LINK);

  /** The sequence of a message about to be committed for the first time. */
  next(message: OutMessage): number {
    const flow = flowOf(message);
    if (message.reliable) this.#underWay[flow]++;
    return ++this.sent[flow];
  }

  /** A message that has a sequence needs it no more. */
  ended(message: OutMessage): void {
    if (message.reliable) this.#underWay[flowOf(message)]--;
  }

  /** Nothing reliable is under way in its flow: a receiver may pass what is missing before it. */
  isPassable(message: OutMessage): boolean {
    return this.#underWay[flowOf(message)] === 0;
  }

  /** The peer confirmed by frame. */
  confirm(flow: number, sequence: number): void {
    if (sequence > this.confirmed[flow] && sequence <= this.sent[flow]) this.confirmed[flow] = sequence;
  }
}

export function flowOf({ priority, flow }: OutMessage): number {
  return priority * 64 + flow;
}
