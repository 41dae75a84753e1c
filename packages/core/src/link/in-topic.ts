import type { CreditAccount } from '../credit.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { Answers } from './answers.ts';

/** One topic from one peer: what its number on the wire means, and its side of the credit account. */
export class InTopic implements CreditAccount {
  readonly id: number;
  readonly entry: TopicEntry;
  /** Bytes the subscriptions here have taken, since the account was opened; and how much of it the peer knows. */
  taken = 0;
  reported = 0;
  reportQueued = false;
  /** The peer waits for credit: the next byte taken is reported. */
  asked = false;
  readonly #answers: Answers;

  constructor(answers: Answers, id: number, entry: TopicEntry) {
    this.#answers = answers;
    this.id = id;
    this.entry = entry;
  }

  returned(cost: number, reliable: boolean): void {
    this.#answers.credit(this, cost, reliable);
  }
}
