import type { Link } from './link.ts';
import { MessageQueue } from './out-message.ts';

/** What one route has written and not heard of, in commit order. */
export class Window extends MessageQueue {
  readonly #link: Link;
  #emptied: (() => void) | undefined;

  constructor(link: Link) {
    super();
    this.#link = link;
  }

  /** The medium shows progress by itself: so many frames of the session have been copied out. */
  confirmFrames(copied: number): void {
    const { outbound } = this.#link;
    for (let message = this.first; message !== undefined && message.ordinal <= copied; message = this.first) {
      this.shift();
      outbound.settleDelivered(message);
    }
    this.tellEmpty();
  }

  /** The peer confirmed by frame what `confirmed` (sequences by flow index) covers. */
  confirmUpTo(confirmed: Float64Array): void {
    const { outbound } = this.#link;
    for (let message = this.first; message !== undefined; message = this.first) {
      if (message.sequence > confirmed[message.priority * 64 + message.flow]) return;
      this.shift();
      outbound.settleDelivered(message);
    }
    this.tellEmpty();
  }

  /** Resolves when nothing is unconfirmed: all is, or others have it. */
  whenEmpty(): Promise<void> {
    if (this.first === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#emptied = resolve;
    });
  }

  tellEmpty(): void {
    if (this.#emptied === undefined || this.first !== undefined) return;
    this.#emptied();
    this.#emptied = undefined;
  }
}
