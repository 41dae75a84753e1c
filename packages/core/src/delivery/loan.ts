import { BusError, OK, type SendResult } from '../contract/index.ts';
import type { LentPayload } from '../link/lent-payload.ts';

/** Who sends what was filled in. */
interface Lender {
  readonly topic: string;
  sendLent(lent: LentPayload): SendResult;
}

/**
 * Memory to write a message into: `const loan = await publisher.loan(bytes); loan.view.set(...); loan.send();`. Written
 * once, and handed over by reference. After `send` its receivers read it: write no more.
 */
export class Loan implements Disposable {
  /** Exactly the bytes asked for; what is in them is arbitrary. */
  readonly view: Uint8Array;
  readonly #lender: Lender;
  #lent: LentPayload | undefined;

  /** @internal */
  constructor(lent: LentPayload, lender: Lender) {
    this.view = lent.slab.view;
    this.#lent = lent;
    this.#lender = lender;
  }

  /**
   * As `Publisher.send`; unless OK the loan is still yours.
   * @throws BusError MISUSE: it was sent, or released
   */
  send(): SendResult {
    const lent = this.#lent;
    if (lent === undefined) {
      throw new BusError('MISUSE', 'this loan was sent or released', {
        where: `publisher ${this.#lender.topic}`,
        remedy: 'take a new loan for each message',
      });
    }
    const result = this.#lender.sendLent(lent);
    if (result === OK) this.release();
    return result;
  }

  /** Gives it back, sent or not. Idempotent. */
  release(): void {
    this.#lent?.release();
    this.#lent = undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
