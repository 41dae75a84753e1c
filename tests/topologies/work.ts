import { flowOf, type Ledger, nameOf, type Sent } from './ledger.ts';
import type { Subscribe } from './plan.ts';

const AT_ONCE = 2;

/** What one subscription works on: one message of a flow at a time, or two whatever their flows. */
export class Work {
  readonly #takes: Subscribe['takes'];
  readonly #begun: Sent[] = [];

  constructor(takes: Subscribe['takes']) {
    this.#takes = takes;
  }

  /** Answers what to call when it is done. */
  begin(sent: Sent, ledger: Ledger): () => void {
    const flow = flowOf(sent);
    const isTooMuch =
      this.#takes === 'by flow' ? this.#begun.some((one) => flowOf(one) === flow) : this.#begun.length >= AT_ONCE;
    if (isTooMuch) ledger.find('wrong', `${nameOf(sent)} was handed over while earlier ones were in work`);
    this.#begun.push(sent);
    return () => this.#begun.splice(this.#begun.indexOf(sent), 1);
  }
}
