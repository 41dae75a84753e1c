import { PRIORITIES } from '../contract/index.ts';
import { type CreditAccount, CreditHold } from '../credit.ts';
import type { Group } from '../interest/group.ts';
import type { Share } from '../interest/group-shares.ts';
import type { Interest } from '../interest/interest.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { Message } from '../message.ts';
import type { Counters } from '../outcomes.ts';
import type { ActiveSubscription, Waiting } from '../subscription.ts';

export interface OwnMembersHost {
  readonly counters: Counters;
  readonly interest: Interest;
  /** True when the time of what is held has passed; that is counted, once. */
  isExpired(hold: CreditHold): boolean;
}

/** Gives what arrives for a group to one of its members on this bus. */
export class OwnMembers {
  readonly #host: OwnMembersHost;

  constructor(host: OwnMembersHost) {
    this.#host = host;
  }

  /** The member that takes the next message of `flow`; undefined when there is none any more. */
  choose(entry: TopicEntry, name: string, flow: number): ActiveSubscription | undefined {
    this.#host.interest.refresh(entry);
    const group = entry.group(name);
    return group?.shares.choose(group.subscriptions, flow);
  }

  /** The credit goes back to `account` when the member is done with the message, not when it begins. */
  give(
    entry: TopicEntry,
    member: ActiveSubscription,
    message: Message,
    priority: number,
    flow: number,
    account: CreditAccount,
    cost: number,
    reliable: boolean,
    expiry: number,
  ): void {
    const { shares } = entry.group(member.group as string) as Group;
    offer(member, message, priority, flow, new CreditHold(shares.begin(member, flow, account), cost, reliable, expiry));
  }

  /**
   * A member has closed with messages waiting: others here that check by the same schema take them over. What nobody
   * takes is counted as unclaimed: its sender has been told that it arrived, so another bus cannot have it any more.
   */
  handOver(from: ActiveSubscription, work: readonly Waiting[]): void {
    for (const { message, flow, hold } of work) {
      if (this.#host.isExpired(hold)) {
        hold.release();
        continue;
      }
      const member = this.choose(this.#host.interest.entry(message.topic), from.group as string, flow);
      if (member === undefined || member.schema !== from.schema) {
        this.#host.counters.unclaimed++;
        hold.release();
        continue;
      }
      (hold.account as Share).moveTo(member);
      offer(member, message, PRIORITIES.indexOf(message.priority), flow, hold);
    }
  }
}

/** Passes on one hold of the caller's. */
function offer(member: ActiveSubscription, message: Message, priority: number, flow: number, hold: CreditHold): void {
  if (member.canTake(flow)) member.take(message, flow, hold);
  else member.hold(message, priority, flow, hold);
  hold.release();
}
