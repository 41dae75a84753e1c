import type { ShmSender } from './sender.ts';

/**
 * The senders of one participant that wait for room or confirmation. While the participant's inbox is polled it looks
 * after them; when that sleeps, their receivers are asked to ring.
 */
export class Waiters {
  /** The inbox is being polled. */
  polled = false;
  readonly #waiting: ShmSender[] = [];

  /** `sender` waits, or waits for something else. */
  add(sender: ShmSender): void {
    if (!sender.waiting) this.#waiting.push(sender);
    sender.waiting = true;
    if (!this.polled && !sender.announce()) queueMicrotask(this.#look);
  }

  remove(sender: ShmSender): void {
    if (sender.waiting) this.#waiting.splice(this.#waiting.indexOf(sender), 1);
    sender.waiting = false;
  }

  /** Tells those whose wait is over. */
  look(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const sender = this.#waiting[i];
      if (sender === undefined || !sender.arrived()) continue;
      this.#waiting.splice(i, 1);
      sender.waiting = false;
      sender.progressed();
    }
  }

  readonly #look = (): void => this.look();

  /** The doorbell rang, perhaps for one of these, perhaps for what one wanted before: who still waits asks again. */
  rung(): void {
    this.look();
    if (!this.polled && !this.announce()) queueMicrotask(this.#look);
  }

  /** Asks all receivers to ring. False: one has got there already, and `look` will tell. */
  announce(): boolean {
    let all = true;
    for (const sender of this.#waiting) if (!sender.announce()) all = false;
    return all;
  }
}
