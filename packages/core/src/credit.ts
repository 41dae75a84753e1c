import type { Share } from './interest/group-shares.ts';
import type { ActiveSubscription } from './subscription.ts';

/** The account a received message returns its bytes to, once taken. */
export interface CreditAccount {
  /** `cost` bytes have been taken by every subscription they were for. */
  returned(cost: number, reliable: boolean): void;
}

/** What is owed for one message that some subscriptions have not taken yet: its credit, and a word when they never do. */
export class CreditHold {
  readonly account: CreditAccount;
  /** When nobody may take it any more; see `Expiry`. */
  readonly expiry: number;
  readonly #cost: number;
  readonly #reliable: boolean;
  /** The delivery itself is the first holder, until it has offered the message to everybody. */
  #holders = 1;
  #missed = false;

  constructor(account: CreditAccount, cost: number, reliable: boolean, expiry: number) {
    this.account = account;
    this.expiry = expiry;
    this.#cost = cost;
    this.#reliable = reliable;
  }

  retain(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders === 0) this.account.returned(this.#cost, this.#reliable);
  }

  /** A handler begins with the message. */
  begun(): void {
    this.release();
  }

  /** The handler has returned. */
  done(): void {}

  /** The handler has thrown. */
  failed(_error: unknown): void {}

  /** The handler began, and nobody will say how that ends. */
  left(): void {}

  /** No handler of this holder's will see it. */
  givenUp(): void {
    this.release();
  }

  /** It expired before a holder took it. True the first time: a message is counted once. */
  miss(): boolean {
    if (this.#missed) return false;
    this.#missed = true;
    return true;
  }
}

/** A hold that ends when the handler is done, not when it begins: by that the sender knows what is worked on. */
export class WorkHold extends CreditHold {
  readonly #share: Share | undefined;

  /** `share`: of a group's message, whose it is. */
  constructor(account: CreditAccount, cost: number, reliable: boolean, expiry: number, share: Share | undefined) {
    super(account, cost, reliable, expiry);
    this.#share = share;
  }

  override begun(): void {}

  override done(): void {
    this.release();
  }

  override failed(_error: unknown): void {
    this.release();
  }

  override left(): void {
    this.release();
  }

  /** Another member of the group takes the message over. */
  moveTo(subscription: ActiveSubscription): void {
    this.#share?.moveTo(subscription);
  }
}
