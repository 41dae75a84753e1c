import { MessageQueue, type OutMessage } from './out-message.ts';

const PRIORITY_COUNT = 5;
/** Bytes of a turn that a less urgent class must have earned; smaller messages need earn no more than their own. */
const TURN_BYTES = 65_536;
/** A turn of a large message may write more than was earned; so much at most is held against the class. */
const MAX_DEBT_BYTES = 1_048_576;

/**
 * Messages of one link that have credit and wait for a route, by priority. The most urgent goes first; a less urgent
 * class that waits meanwhile earns a share of what is written, and when it has earned a turn it gets one. So urgent
 * traffic overtakes, and never starves what is below it.
 */
export class ReadyQueues {
  readonly #share: number;
  readonly #queues = Array.from({ length: PRIORITY_COUNT }, () => new MessageQueue());
  /** Bytes earned and not used, by priority. */
  readonly #earned = new Float64Array(PRIORITY_COUNT);
  count = 0;

  /** `share`: of the bytes written while a less urgent class waits, the part that is its own. */
  constructor(share: number) {
    this.#share = share;
  }

  push(message: OutMessage): void {
    this.#queues[message.priority].push(message);
    this.count++;
  }

  /** Puts `messages`, all of one priority, before everything else of theirs. */
  prepend(priority: number, messages: readonly OutMessage[]): void {
    this.#queues[priority].prepend(messages);
    this.count += messages.length;
  }

  shift(priority: number): OutMessage | undefined {
    const message = this.#queues[priority].shift();
    if (message !== undefined) this.count--;
    return message;
  }

  /** Takes out what `which` chooses, the most urgent first. */
  take(which: (message: OutMessage) => boolean): OutMessage[] {
    const taken = [...this].filter(which);
    for (const message of taken) this.#queues[message.priority].remove(message);
    this.count -= taken.length;
    return taken;
  }

  first(priority: number): OutMessage | undefined {
    return this.#queues[priority].first;
  }

  /** The only message of its class, and none more urgent waits. */
  isNext({ priority }: OutMessage): boolean {
    return this.#queues[priority].length === 1 && !this.#waitsAbove(priority);
  }

  /** The class whose turn it is, of those whose bit in `blocked` is 0; -1 when none of them has a message. */
  turn(blocked: number): number {
    let urgent = 0;
    while (urgent < PRIORITY_COUNT && !this.#waits(urgent, blocked)) urgent++;
    if (urgent === PRIORITY_COUNT) return -1;
    for (let low = PRIORITY_COUNT - 1; low > urgent; low--) {
      if (!this.#waits(low, blocked)) continue;
      const { size, written } = this.#queues[low].first as OutMessage;
      if (this.#earned[low] >= Math.min(size - written, TURN_BYTES)) return low;
    }
    return urgent;
  }

  #waits(priority: number, blocked: number): boolean {
    return (blocked & (1 << priority)) === 0 && this.#queues[priority].first !== undefined;
  }

  /** `bytes` of class `priority` were written: if before its turn, they are taken off; classes below that wait earn. */
  wrote(priority: number, bytes: number): void {
    const overtook = this.#waitsAbove(priority);
    this.#earned[priority] = overtook ? Math.max(-MAX_DEBT_BYTES, this.#earned[priority] - bytes) : 0;
    for (let low = priority + 1; low < PRIORITY_COUNT; low++) {
      if (this.#queues[low].first === undefined) this.#earned[low] = 0;
      else this.#earned[low] += bytes * this.#share;
    }
  }

  #waitsAbove(priority: number): boolean {
    for (let above = 0; above < priority; above++) if (this.#queues[above].first !== undefined) return true;
    return false;
  }

  *[Symbol.iterator](): Generator<OutMessage> {
    for (const queue of this.#queues) yield* queue;
  }
}
