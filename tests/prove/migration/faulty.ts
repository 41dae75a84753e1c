import type { PeerTransport, TransportPlugin } from '@busbar/core/contract';
import type { FaultPoint } from './fault-point.ts';

/** `plugin` with `point` between it and the bus. */
export function faulty(plugin: TransportPlugin, point: FaultPoint): TransportPlugin {
  return {
    ...plugin,
    async create(context) {
      const inner = (await plugin.create(context)) as PeerTransport;
      return {
        ...(inner.regions === undefined ? {} : { regions: inner.regions }),
        listen: async () => point.receive(await inner.listen()),
        connect: (...to) => point.connect(inner, ...to),
        close: () => inner.close(),
      };
    },
  };
}
