import { call, topic } from '@busbar/core';

export interface Price {
  readonly symbol: string;
  readonly price: number;
}

export const Tick = topic<Price>('market.tick', undefined, { priority: 'high' });
/** The trader's opinion of a symbol, from the ticks it has seen. */
export const Opinion = call<{ symbol: string }, { average: number; ticks: number }>('trader.opinion');
