import type { Bus } from '@busbar/core';
import { BUS } from '@busbar/core/di';
import { inject, injectable } from 'tsyringe';
import { Opinion, Tick } from './contracts.ts';

/** An agent that speaks first: it gets the bus injected. */
@injectable()
export class Market {
  readonly #bus: Bus;

  constructor(@inject(BUS) bus: Bus) {
    this.#bus = bus;
  }

  async open(symbol: string, prices: readonly number[]): Promise<void> {
    for (const price of prices) await this.#bus.publish(Tick, { symbol, price });
    const { average, ticks } = await this.#bus.request(Opinion, { symbol });
    console.log(`market: the trader holds ${symbol} at ${average} after ${ticks} ticks`);
  }
}
