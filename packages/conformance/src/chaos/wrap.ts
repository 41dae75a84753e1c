import type { PeerTransport, Sender, TransportCapabilities, TransportPlugin } from '@busbar/core/contract';

/** What a wrapper puts in the place of a plugin's parts; what it leaves out stays as it is. */
export interface Wrapping {
  readonly capabilities?: Partial<TransportCapabilities>;
  /** Stands before each sender that the transport makes. */
  sender?(inner: Sender, capabilities: TransportCapabilities): Sender;
  /** Stands before the transport. */
  transport?(inner: PeerTransport): PeerTransport;
}

/** A plugin that works as `plugin` does, except for what the wrapping changes. */
export function wrapPlugin(plugin: TransportPlugin, wrapping: Wrapping): TransportPlugin {
  const capabilities = { ...plugin.capabilities, ...wrapping.capabilities };
  return {
    name: plugin.name,
    contractVersion: plugin.contractVersion,
    capabilities,
    async probe() {
      const answer = await plugin.probe();
      return answer.available
        ? { available: true, capabilities: { ...answer.capabilities, ...wrapping.capabilities } }
        : answer;
    },
    async create(context) {
      const inner = (await plugin.create(context)) as PeerTransport;
      const transport: PeerTransport = {
        ...(inner.regions === undefined ? {} : { regions: inner.regions }),
        listen: () => inner.listen(),
        connect: async (address, peer, signal) => {
          const sender = await inner.connect(address, peer, signal);
          return wrapping.sender?.(sender, capabilities) ?? sender;
        },
        close: () => inner.close(),
      };
      return wrapping.transport?.(transport) ?? transport;
    },
  };
}
