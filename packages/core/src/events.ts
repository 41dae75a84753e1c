import type { DeadLetter } from './acknowledged/dead-letters.ts';
import type { BusError, PeerInfo } from './contract/index.ts';

/** What a bus tells beside messages: `bus.on('lost', (peer) => …)`. */
export interface BusEvents {
  /** A participant is connected: its subscriptions are known, messages reach it. */
  join: [peer: PeerInfo];
  /** It closed its bus. */
  leave: [peer: PeerInfo];
  /** It died, or its link broke and did not come back. */
  lost: [peer: PeerInfo];
  /** An acknowledged message that nobody could process; `bus.deadLetters` has it, too. */
  deadLetter: [letter: DeadLetter];
  /** Something failed that no call reports: a handler threw, a message was not what its contract says, a peer was cut. */
  error: [error: BusError];
}
