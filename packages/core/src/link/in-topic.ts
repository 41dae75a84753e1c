import type { CreditAccount } from '../credit.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { Answers } from './answers.ts';

/** One topic, or one group's part of it, from one peer: what its number on the wire means, and its side of the credit account. */
export class InTopic implements CreditAccount {
  readonly id: number;
  readonly entry: TopicEntry;
  /** The name on the wire. */
  readonly label: string;
  /** The group whose members here share the messages; undefined for everybody's. */
  readonly group: string | undefined;
  /** Bytes the subscriptions here have taken, since the account was opened; and how much of it the peer knows. */
  taken = 0;
  reported = 0;
  reportQueued = false;
  /** The next byte taken is reported: the peer waits for credit, or chooses members of the group by it. */
  asked: boolean;
  readonly #answers: Answers;

  constructor(answers: Answers, id: number, entry: TopicEntry, label: string, group: string | undefined) {
    this.#answers = answers;
    this.id = id;
    this.entry = entry;
    this.label = label;
    this.group = group;
    this.asked = group !== undefined;
  }

  returned(cost: number, reliable: boolean): void {
    this.#answers.credit(this, cost, reliable);
  }
}
