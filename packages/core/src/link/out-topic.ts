import { MessageQueue, type OutMessage } from './out-message.ts';
import type { Route } from './route.ts';

/** Bytes a message costs beside its payload, the same for both sides of a credit account. */
export const CREDIT_OVERHEAD = 64;

/** One topic towards one peer: its number on the wire, its credit account, what waits for credit. */
export class OutTopic {
  /** Link-wide; 0 is the link's own account. Each route session learns the name with the first frame that bears it. */
  id: number;
  readonly name: string;
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
  /** Chosen routes by (priority, reliability, size class); null: none fits. Valid for one epoch of the link's routes. */
  readonly choices: (Route | null | undefined)[] = [];
  choicesEpoch = -1;
  /** Messages without credit, by priority. */
  readonly waiting: (MessageQueue | undefined)[] = [undefined, undefined, undefined, undefined, undefined];
  waitingCount = 0;

  constructor(id: number, name: string, hash: number) {
    this.id = id;
    this.name = name;
    this.hash = hash;
  }

  get inFlight(): number {
    return this.sent - this.taken;
  }

  wait(message: OutMessage): void {
    let queue = this.waiting[message.priority];
    if (queue === undefined) {
      queue = new MessageQueue();
      this.waiting[message.priority] = queue;
    }
    queue.push(message);
    this.waitingCount++;
  }
}
