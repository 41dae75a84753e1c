import { CONTRACT_VERSION, type TransportCapabilities, type TransportPlugin } from '@busbar/core/contract';
import { MemoryTransport } from './memory-transport.ts';
import { processIdentity } from './process-identity.ts';

const CAPABILITIES: TransportCapabilities = {
  scope: 'thread',
  addressing: 'peer',
  ordered: true,
  lossless: true,
  durable: 'none',
  confirms: 'copied',
  maxMessageLength: 4_294_967_295,
  maxFrameLength: 2_097_152,
  preferredFragment: 262_144,
  bufferBytes: 262_144,
  knowsInterest: false,
  fanOut: false,
  regions: false,
  fdPassing: false,
  wakeup: 'event',
  peerIdentity: 'token',
  latencyClass: 'memory',
  requires: [],
};

/**
 * The transport between participants of one process, on one thread or across its worker threads. Needs nothing of
 * the system.
 */
export function memory(): TransportPlugin {
  return {
    name: 'memory',
    contractVersion: CONTRACT_VERSION,
    capabilities: CAPABILITIES,
    async probe() {
      return { available: true, capabilities: CAPABILITIES };
    },
    async create(context) {
      return new MemoryTransport(context, `memory:${processIdentity()}/`, {
        bufferBytes: CAPABILITIES.bufferBytes,
        maxFrameLength: Math.min(CAPABILITIES.maxFrameLength, context.limits.maxFrameLength),
      });
    },
  };
}
