import type { TransportCapabilities } from '../../src/contract/index.ts';
import type { Candidate } from '../../src/selector/select.ts';

export const PLAIN: TransportCapabilities = {
  scope: 'host',
  addressing: 'peer',
  ordered: true,
  lossless: true,
  durable: 'none',
  confirms: 'none',
  maxMessageLength: 2 ** 30,
  maxFrameLength: 2 ** 20,
  preferredFragment: 65_536,
  bufferBytes: 2 ** 20,
  knowsInterest: false,
  fanOut: false,
  regions: false,
  fdPassing: false,
  wakeup: 'event',
  peerIdentity: 'token',
  latencyClass: 'kernel',
  requires: [],
};

/** A route as the selector sees it; `changes` to a plain, healthy one. */
export function candidate(
  transport: string,
  changes: Partial<TransportCapabilities> = {},
  state: Candidate['state'] = 'up',
): Candidate {
  return { transport, capabilities: { ...PLAIN, ...changes }, state, trouble: state === 'down' ? 'broken' : undefined };
}
