import type { TransportCapabilities } from '@busbar/core/contract';
import { READ_BUFFER_BYTES } from './receiver.ts';

/** What the kernel holds for one socket by default (net.core.wmem_default), rounded up. */
const KERNEL_BYTES = 262_144;

/** What this transport can do, on every platform that has it. */
export const CAPABILITIES: TransportCapabilities = {
  scope: 'host',
  addressing: 'peer',
  ordered: true,
  lossless: true,
  durable: 'none',
  confirms: 'none',
  maxMessageLength: 4_294_967_295,
  maxFrameLength: 2_097_152,
  preferredFragment: 65_536,
  // Sender's limit, kernel, receiver's put-aside buffer.
  bufferBytes: 262_144 + KERNEL_BYTES + READ_BUFFER_BYTES,
  knowsInterest: false,
  fanOut: false,
  regions: false,
  fdPassing: false,
  wakeup: 'event',
  peerIdentity: 'token',
  latencyClass: 'kernel',
  requires: ['Unix domain sockets (Linux, macOS)'],
};
