import type { OutMessage } from './out-message.ts';
import type { OutTopic } from './out-topic.ts';

/**
 * What the best-effort frames of one session of a route were about. Nobody confirms them: when the route dies, the
 * receiver is told that they may be missing.
 */
export class Unconfirmable {
  /** Flow indices. */
  readonly flows = new Set<number>();
  readonly topics = new Set<OutTopic>();
  #lastTopic: OutTopic | undefined;
  #lastFlow = 0;

  /** Most messages are like the one before: two comparisons spare two look-ups. */
  sent({ topic, priority, flow }: OutMessage): void {
    const index = priority * 64 + flow;
    if (topic === this.#lastTopic && index === this.#lastFlow) return;
    this.#lastTopic = topic;
    this.#lastFlow = index;
    this.flows.add(index);
    this.topics.add(topic);
  }

  /** The losses of this session have been announced. */
  clear(): void {
    this.#lastTopic = undefined;
    this.flows.clear();
    this.topics.clear();
  }
}
