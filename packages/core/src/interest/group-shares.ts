import type { CreditAccount } from '../credit.ts';
import type { ActiveSubscription } from '../subscription.ts';

/** Of one flow: who has messages of it that are not worked off, and how many. */
interface Held {
  readonly subscription: ActiveSubscription;
  count: number;
}

/**
 * How the members of a group within one bus share what arrives here: by outstanding messages, a flow staying with one
 * of them while it has any of it.
 */
export class GroupShares {
  readonly #flows = new Map<number, Held>();
  readonly #outstanding = new Map<ActiveSubscription, number>();

  /** Who takes the next message of `flow`; undefined when all are closed. */
  choose(subscriptions: readonly ActiveSubscription[], flow: number): ActiveSubscription | undefined {
    const held = this.#flows.get(flow);
    if (held !== undefined && !held.subscription.closed && subscriptions.includes(held.subscription))
      return held.subscription;
    let best: ActiveSubscription | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const subscription of subscriptions) {
      if (subscription.closed) continue;
      const count = this.#outstanding.get(subscription) ?? 0;
      if (count >= least) continue;
      least = count;
      best = subscription;
    }
    return best;
  }

  /** `subscription` takes a message of `flow`, whose credit goes back to `account` when it is done with it. */
  begin(subscription: ActiveSubscription, flow: number, account: CreditAccount): Share {
    this.begun(subscription, flow);
    return new Share(this, subscription, flow, account);
  }

  begun(subscription: ActiveSubscription, flow: number): void {
    const held = this.#flows.get(flow);
    if (held?.subscription === subscription) held.count++;
    else this.#flows.set(flow, { subscription, count: 1 });
    this.#outstanding.set(subscription, (this.#outstanding.get(subscription) ?? 0) + 1);
  }

  ended(subscription: ActiveSubscription, flow: number): void {
    const held = this.#flows.get(flow);
    if (held?.subscription === subscription && --held.count === 0) this.#flows.delete(flow);
    const count = (this.#outstanding.get(subscription) ?? 1) - 1;
    if (count === 0) this.#outstanding.delete(subscription);
    else this.#outstanding.set(subscription, count);
  }
}

/** One message that a member works on, or will: outstanding until its credit goes back. */
export class Share implements CreditAccount {
  readonly #shares: GroupShares;
  readonly #flow: number;
  readonly #account: CreditAccount;
  #subscription: ActiveSubscription;

  constructor(shares: GroupShares, subscription: ActiveSubscription, flow: number, account: CreditAccount) {
    this.#shares = shares;
    this.#subscription = subscription;
    this.#flow = flow;
    this.#account = account;
  }

  returned(cost: number, reliable: boolean): void {
    this.#shares.ended(this.#subscription, this.#flow);
    this.#account.returned(cost, reliable);
  }

  /** Another member takes the message over. */
  moveTo(subscription: ActiveSubscription): void {
    this.#shares.ended(this.#subscription, this.#flow);
    this.#shares.begun(subscription, this.#flow);
    this.#subscription = subscription;
  }
}
