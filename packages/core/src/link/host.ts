import type { BusError, Clock, Logger, PeerInfo, RegionProvider } from '../contract/index.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Expiry } from '../expiry.ts';
import type { Interest } from '../interest/interest.ts';
import type { Limits } from '../limits.ts';
import type { Reception } from '../reception.ts';
import type { Policy } from '../selector/policy.ts';
import type { Unusable } from '../transports.ts';
import type { Link } from './link.ts';
import type { OutMessage, OutMessagePool, SettlementHost } from './out-message.ts';
import type { TurnEnd } from './turn-end.ts';

/** What links and routes need of the bus they belong to. */
export interface LinkHost extends SettlementHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly expiry: Expiry;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly policy: Policy;
  readonly interest: Interest;
  readonly messages: OutMessagePool;
  readonly turnEnd: TurnEnd;
  /** The bulk memory of a transport of this bus; undefined where it has none. */
  regions(transport: string): RegionProvider | undefined;
  /** Takes messages, whole and in order. */
  readonly reception: Reception;
  /** A peer no longer wants the answer to its request. */
  cancelled(link: Link, correlation: number): void;
  /** The consumer of a stream that a peer opened here has taken so many bytes in all. */
  streamCredited(link: Link, correlation: number, taken: number): void;
  /** Publishers that were told BACK_PRESSURED may try again. */
  roomReturned(link: Link): void;
  /** Nothing goes to `peer` over `transport` any more, though the link stands. */
  unlinked(peer: PeerInfo, transport: string): void;
  /** Transports that only one side has, or that cannot be used between the two. */
  unusable(link: Link): readonly Unusable[];
  /** Asks the peer over the control connection: true when it has answered, false when it cannot be asked. */
  ask(link: Link): Promise<boolean>;
  /** Gives a group's message without a sequence, which is in no queue, to a living member; false: there is none. */
  regroup(message: OutMessage): boolean;
  /** The peer broke the protocol: the link is cut. */
  violation(link: Link, error: BusError): void;
}
