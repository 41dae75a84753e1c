import type { TransportCapabilities } from '@busbar/core/contract';
import { maxRingFrame } from '@busbar/ring';

/** Bytes of one sender's ring: a hundred idle senders are 25 MiB, and a busy ring fits into the second-level cache. */
export const RING_BYTES = 262_144;

/** Bytes that one participant lends at most, unless it says otherwise. */
export const LENDING_BYTES = 134_217_728;

/** What this transport can do where the kernel and the engine allow it. */
export const CAPABILITIES: TransportCapabilities = {
  scope: 'host',
  addressing: 'peer',
  ordered: true,
  lossless: true,
  durable: 'none',
  confirms: 'copied',
  maxMessageLength: 4_294_967_295,
  maxFrameLength: maxRingFrame(RING_BYTES),
  // With the share that the bus keeps for urgent frames a quarter of the ring: it fits wherever half of it is free.
  preferredFragment: 32_768 - 64,
  bufferBytes: RING_BYTES,
  knowsInterest: false,
  fanOut: false,
  regions: true,
  fdPassing: false,
  wakeup: 'poll',
  peerIdentity: 'kernel',
  latencyClass: 'memory',
  requires: [
    'Linux',
    'memfd_create',
    '/proc or Unix sockets',
    '@busbar/native with koffi',
    'an engine that allows external buffers',
  ],
};
