import type { Message } from '@busbar/core';
import { serves, subscribes } from '@busbar/core/di';
import { inject, singleton } from 'tsyringe';
import { Opinion, type Price, Tick } from './contracts.ts';
import { Ledger } from './ledger.ts';

/** An agent that never sees the bus: its decorators say what it hears and answers. */
@singleton()
export class Trader {
  readonly #ledger: Ledger;

  constructor(@inject(Ledger) ledger: Ledger) {
    this.#ledger = ledger;
  }

  @subscribes(Tick)
  onTick({ data, via }: Message<Price>): void {
    this.#ledger.add(data);
    console.log(`trader: ${data.symbol} ${data.price} via ${via}`);
  }

  @serves(Opinion)
  opinion({ symbol }: { symbol: string }): { average: number; ticks: number } {
    return this.#ledger.summary(symbol);
  }
}
