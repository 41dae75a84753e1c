import type { TransportPlugin } from '@busbar/core/contract';
import { shm } from '@busbar/transport-shm';
import { uds } from '@busbar/transport-uds';

const PLUGINS = { shm, uds };

/** The transports between processes, by name. */
export type HostTransport = keyof typeof PLUGINS;

export function plugin(transport: HostTransport): TransportPlugin {
  return PLUGINS[transport]();
}
