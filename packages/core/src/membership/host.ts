import type { BusError, Clock, Logger, PeerInfo } from '../contract/index.ts';
import type { Hello } from '../control/hello.ts';
import type { ProcessIdentity } from '../control/process-identity.ts';
import type { Records } from '../control/records.ts';
import type { Interest } from '../interest/interest.ts';
import type { Limits } from '../limits.ts';
import type { Link } from '../link/link.ts';
import type { ReasonText } from '../outcomes.ts';
import type { AnnouncedInterest } from './announced-interest.ts';
import type { OffersHost } from './offers.ts';
import type { ServiceDirectory } from './service-directory.ts';

/** What membership needs of the bus it belongs to. */
export interface MembershipHost {
  readonly self: PeerInfo;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly process: ProcessIdentity;
  readonly interest: Interest;
  readonly services: ServiceDirectory;
  readonly announced: AnnouncedInterest;
  readonly records: Records;
  /** A link for a peer that was greeted. */
  createLink(peer: PeerInfo, hello: Hello): Link;
  /** For what a peer of that process offers. */
  offersFor(process: ProcessIdentity): OffersHost;
  joined(peer: PeerInfo): void;
  /** The link has ended and everything of it is settled. */
  departed(link: Link, how: 'leave' | 'lost', reason: ReasonText): void;
  /** The control connection is gone: transports let go of the peer, receivers drain it. */
  disconnected(peer: PeerInfo, dead: boolean): void;
  attach(peer: PeerInfo, transport: string, message: Uint8Array): void;
  rejected(error: BusError): void;
}
