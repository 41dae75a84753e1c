/**
 * `@busbar/core/di`: the bus in a tsyringe container. Needs the optional peers tsyringe and reflect-metadata; the
 * application imports reflect-metadata first, as tsyringe wants it. Nothing else in core knows a container.
 */
export { type HandlerDecorator, serves, subscribes } from './handlers.ts';
export { type RegisterBusOptions, registerBus } from './register-bus.ts';
export { type RunningAgent, startAgent } from './start-agent.ts';
export { BUS, CLOCK, CODEC, LOGGER, POLICY, TRANSPORTS } from './tokens.ts';
