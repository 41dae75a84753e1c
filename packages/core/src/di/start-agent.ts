import type { DependencyContainer, InjectionToken } from 'tsyringe';
import type { Bus } from '../bus.ts';
import type { RequestHandler } from '../calls/active-service.ts';
import type { Service } from '../calls/service-base.ts';
import { BusError } from '../contract/index.ts';
import type { MessageHandler, Subscription } from '../subscription.ts';
import { type Handler, handlersOf } from './handlers.ts';
import { BUS } from './tokens.ts';

/** An agent at work. */
export interface RunningAgent<T> extends Disposable {
  readonly agent: T;
  /** Ends its subscriptions and services; running handlers go on. */
  stop(): void;
}

/**
 * Resolves an agent and puts its decorated methods to work on the container's bus. Resolves when every connected peer
 * knows its subscriptions and services. They end with `stop`, or with the bus.
 *
 * @throws BusError MISUSE when no method is decorated; what `subscribe` and `serve` throw, and then nothing is left
 * behind.
 */
export async function startAgent<T extends object>(
  container: DependencyContainer,
  agentClass: InjectionToken<T>,
): Promise<RunningAgent<T>> {
  const bus = container.resolve(BUS);
  const agent = container.resolve(agentClass);
  const handlers = handlersOf(agent);
  if (handlers.length === 0) {
    throw new BusError('MISUSE', 'an agent without handlers has nothing to start', {
      where: `startAgent(${agent.constructor.name})`,
      remedy: 'decorate its methods with @subscribes or @serves, or just resolve it',
    });
  }
  const started: (Subscription | Service)[] = [];
  const stop = (): void => {
    for (const each of started) each.close();
  };
  try {
    for (const handler of handlers) started.push(start(bus, agent, handler));
  } catch (error) {
    stop();
    throw error;
  }
  await Promise.all(started.map(({ ready }) => ready));
  return { agent, stop, [Symbol.dispose]: stop };
}

/** The decorators have tied the method to its contract; of `serve` the overload without one is enough. */
function start(bus: Bus, agent: object, handler: Handler): Subscription | Service {
  const method = (agent as Record<PropertyKey, (...args: never[]) => unknown>)[handler.method].bind(agent);
  return handler.kind === 'subscribes'
    ? bus.subscribe(handler.topic, method as MessageHandler<unknown>, handler.options)
    : bus.serve(handler.call as string, method as RequestHandler<unknown, unknown>, handler.options);
}
