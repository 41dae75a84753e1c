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

  /** It expired before a holder took it. True the first time: a message is counted once. */
  miss(): boolean {
    if (this.#missed) return false;
    this.#missed = true;
    return true;
  }
}
