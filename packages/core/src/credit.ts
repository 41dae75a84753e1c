/** The account a received message returns its bytes to, once taken. */
export interface CreditAccount {
  /** `cost` bytes have been taken by every subscription they were for. */
  returned(cost: number, reliable: boolean): void;
}

/** Credit of one message that some subscriptions have not taken yet. */
export class CreditHold {
  readonly #account: CreditAccount;
  readonly #cost: number;
  readonly #reliable: boolean;
  /** The delivery itself is the first holder, until it has offered the message to everybody. */
  #holders = 1;

  constructor(account: CreditAccount, cost: number, reliable: boolean) {
    this.#account = account;
    this.#cost = cost;
    this.#reliable = reliable;
  }

  retain(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders === 0) this.#account.returned(this.#cost, this.#reliable);
  }
}
