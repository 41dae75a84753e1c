import { CONTRACT_VERSION, type TransportCapabilities, type TransportPlugin } from '@busbar/core/contract';
import { TcpTransport } from './tcp-transport.ts';

const CAPABILITIES: TransportCapabilities = {
  scope: 'host',
  addressing: 'peer',
  ordered: true,
  lossless: true,
  durable: 'none',
  confirms: 'none',
  maxMessageLength: 4_294_967_295,
  maxFrameLength: 1_048_576,
  preferredFragment: 65_536,
  // What the bus lets us hold, and what Linux lets both ends of a connection grow to (tcp_wmem, tcp_rmem).
  bufferBytes: 262_144 + 4_194_304 + 33_554_432,
  knowsInterest: false,
  fanOut: false,
  regions: false,
  fdPassing: false,
  wakeup: 'event',
  peerIdentity: 'token',
  latencyClass: 'kernel',
  requires: ['TCP on the loopback interface'],
};

/** A transport over TCP connections within one machine. */
export function tcp(): TransportPlugin {
  return {
    name: 'tcp',
    contractVersion: CONTRACT_VERSION,
    capabilities: CAPABILITIES,
    probe: async () => ({ available: true, capabilities: CAPABILITIES }),
    create: (context) => TcpTransport.open(context),
  };
}
