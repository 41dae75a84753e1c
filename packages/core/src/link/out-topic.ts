import { groupLabel } from '../interest/group-label.ts';
import type { Choice } from './chooser.ts';
import { MessageQueue, ON_FULL, type OutMessage } from './out-message.ts';

/** Bytes a message costs beside its payload, the same for both sides of a credit account. */
export const CREDIT_OVERHEAD = 64;

/** One topic, or one group's part of it, towards one peer: its number on the wire, its credit account, what waits for credit. */
export class OutTopic {
  /** Link-wide; 0 is the link's own account. Each route session learns the name with the first frame that bears it. */
  id: number;
  readonly name: string;
  /** The group whose messages these are; undefined for everybody's. */
  readonly group: string | undefined;
  /** The name on the wire. */
  readonly label: string;
  readonly hash: number;
  /** Bytes sent, and bytes the peer's subscriptions have taken, both since the account was opened. */
  sent = 0;
  taken = 0;
  /** The peer was asked for credit and has not answered yet. */
  asked = false;
  /** Bytes of replayed messages, which the old account paid for and the peer may report on this one. */
  unaccounted = 0;
  /** Per route index: the session in which the name was announced. */
  readonly announced: number[] = [];
  /** Requests to this peer without an answer yet. */
  outstanding = 0;
  /** Streams whose chunks travel under this name: the account stays open. */
  pins = 0;
  /** Choices by (priority, reliability, size class); null: none fits. Valid for one epoch of the link's routes. */
  readonly choices: (Choice | null | undefined)[] = [];
  choicesEpoch = -1;
  /** Messages without credit, by priority, and how many they are. */
  readonly #waiting: (MessageQueue | undefined)[] = [undefined, undefined, undefined, undefined, undefined];
  waitingCount = 0;
  /** Credit that those of them would cost whose publisher wants the oldest dropped. */
  #droppableCost = 0;

  constructor(id: number, name: string, hash: number, group?: string) {
    this.id = id;
    this.name = name;
    this.group = group;
    this.label = group === undefined ? name : groupLabel(name, group);
    this.hash = hash;
  }

  get inFlight(): number {
    return this.sent - this.taken;
  }

  wait(message: OutMessage): void {
    let queue = this.#waiting[message.priority];
    if (queue === undefined) {
      queue = new MessageQueue();
      this.#waiting[message.priority] = queue;
    }
    queue.push(message);
    this.waitingCount++;
    if (message.onFull === ON_FULL.DROP_OLDEST) this.#droppableCost += message.cost;
  }

  /** The one to send next. */
  get firstWaiting(): OutMessage | undefined {
    if (this.waitingCount === 0) return undefined;
    for (const queue of this.#waiting) if (queue?.first !== undefined) return queue.first;
    return undefined;
  }

  /** Takes `firstWaiting` out. */
  shiftWaiting(): OutMessage | undefined {
    const message = this.firstWaiting;
    if (message === undefined) return undefined;
    this.#waiting[message.priority]?.shift();
    this.#left(message);
    return message;
  }

  /** Takes out the oldest message, of the least urgent class, that may be dropped; undefined while those cost at most `limit`. */
  takeOldest(limit: number): OutMessage | undefined {
    if (this.#droppableCost <= limit) return undefined;
    for (let priority = this.#waiting.length - 1; priority >= 0; priority--) {
      const queue = this.#waiting[priority];
      for (const message of queue ?? []) {
        if (message.onFull !== ON_FULL.DROP_OLDEST) continue;
        queue?.remove(message);
        this.#left(message);
        return message;
      }
    }
    return undefined;
  }

  /** Takes out everything, the most urgent first. */
  takeWaiting(): OutMessage[] {
    const taken: OutMessage[] = [];
    for (let message = this.shiftWaiting(); message !== undefined; message = this.shiftWaiting()) taken.push(message);
    return taken;
  }

  #left(message: OutMessage): void {
    this.waitingCount--;
    if (message.onFull === ON_FULL.DROP_OLDEST) this.#droppableCost -= message.cost;
  }
}
