// Everything is wired by the container: transports, buses, agents. reflect-metadata comes first, as tsyringe wants it.
import 'reflect-metadata';
import { registerBus, startAgent, TRANSPORTS } from '@busbar/core/di';
import { memory } from '@busbar/transport-memory';
import { uds } from '@busbar/transport-uds';
import { container } from 'tsyringe';
import { Market } from './market.ts';
import { Trader } from './trader.ts';

// What participants share stands in the parent; each has a child, and a bus, of its own.
container.register(TRANSPORTS, { useValue: memory() });
container.register(TRANSPORTS, { useValue: uds() });
const market = container.createChildContainer();
const trading = container.createChildContainer();

try {
  await registerBus(trading, { name: 'trader' });
  await startAgent(trading, Trader);
  await registerBus(market, { name: 'market' });
  await market.resolve(Market).open('ACME', [10, 11, 15]);
} finally {
  await market.dispose();
  await trading.dispose();
}
