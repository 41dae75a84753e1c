import type { TransportPlugin } from '@busbar/core/contract';

/** Loaded only when asked for: a commit to compare with may lack one. */
const PLUGINS = {
  shm: async () => (await import('@busbar/transport-shm')).shm(),
  uds: async () => (await import('@busbar/transport-uds')).uds(),
};

/** The transports between processes, by name. */
export type HostTransport = keyof typeof PLUGINS;

export function plugin(transport: HostTransport): Promise<TransportPlugin> {
  return PLUGINS[transport]();
}
