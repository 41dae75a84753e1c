import { singleton } from 'tsyringe';
import type { Price } from './contracts.ts';

/** Any other class of the application: it knows nothing of a bus. */
@singleton()
export class Ledger {
  readonly #prices = new Map<string, number[]>();

  add({ symbol, price }: Price): void {
    this.#prices.set(symbol, [...(this.#prices.get(symbol) ?? []), price]);
  }

  summary(symbol: string): { average: number; ticks: number } {
    const prices = this.#prices.get(symbol) ?? [];
    const sum = prices.reduce((total, price) => total + price, 0);
    return { average: prices.length === 0 ? 0 : sum / prices.length, ticks: prices.length };
  }
}
