import { type Bus, createBus } from '@busbar/core';
import { shm } from '@busbar/transport-shm';

/**
 * A participant that spins: it polls its inbox without pause, and lets the event loop have a turn every 100 us. An
 * application gives it a worker thread; here the thread has nothing else to do. On a bus of its own, where nobody else
 * answers.
 */
export function openSpinner(name: string, directory?: string): Promise<Bus> {
  return createBus({
    name,
    bus: 'spinners',
    plugins: [shm()],
    spin: true,
    ...(directory === undefined ? {} : { directory }),
  });
}
