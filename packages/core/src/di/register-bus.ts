import type { DependencyContainer, InjectionToken } from 'tsyringe';
import type { Bus } from '../bus.ts';
import { BusError } from '../contract/index.ts';
import { createBus } from '../create-bus.ts';
import type { BusOptions } from '../options.ts';
import { BUS, CLOCK, CODEC, LOGGER, POLICY, TRANSPORTS } from './tokens.ts';

/** What a container can hold is taken from it; the rest is said here. */
export type RegisterBusOptions = Omit<BusOptions, 'plugins' | 'policy' | 'codec' | 'logger' | 'clock'>;

/**
 * Makes a bus of what `container` holds under TRANSPORTS, POLICY, CODEC, LOGGER and CLOCK and registers it as BUS, one
 * instance for this container and its children. `await container.dispose()` closes it.
 *
 * @throws BusError MISUSE when this container has a bus already (a child may have its own), and what `createBus` throws.
 */
export async function registerBus(container: DependencyContainer, options: RegisterBusOptions = {}): Promise<Bus> {
  if (container.isRegistered(BUS)) {
    throw new BusError('MISUSE', 'this container has a bus already', {
      where: 'registerBus',
      remedy: 'resolve BUS, or register a second bus in a child container',
    });
  }
  const held = <T>(token: InjectionToken<T>): T | undefined =>
    container.isRegistered(token, true) ? container.resolve(token) : undefined;
  const bus = await createBus({
    ...options,
    plugins: container.isRegistered(TRANSPORTS, true) ? container.resolveAll(TRANSPORTS) : [],
    policy: held(POLICY),
    codec: held(CODEC),
    logger: held(LOGGER),
    clock: held(CLOCK),
  });
  try {
    container.registerInstance(BUS, bus);
    closeWith(container, bus);
  } catch (error) {
    // The container was disposed meanwhile.
    await bus.close();
    throw error;
  }
  return bus;
}

/** tsyringe disposes what it has constructed, never a value: so it constructs the one that closes. */
function closeWith(container: DependencyContainer, bus: Bus): void {
  class BusCloser {
    async dispose(): Promise<void> {
      await bus.close();
    }
  }
  container.resolve(BusCloser);
}
