import { EventEmitter } from 'eventemitter3';
import { type DeadLetterStore, MemoryDeadLetterStore } from './acknowledged/dead-letter-store.ts';
import { type DeadLetter, DeadLetters, type DeadLettersHost } from './acknowledged/dead-letters.ts';
import { Ledger, type LedgerHost } from './acknowledged/ledger.ts';
import { Receipts, type ReceiptsHost } from './acknowledged/receipts.ts';
import { OwnServices, type OwnServicesHost } from './calls/own-services.ts';
import type { Server } from './calls/pending-request.ts';
import { type RequestHost, Requests } from './calls/requests.ts';
import type { CodecTable } from './codecs/index.ts';
import type { BusError, Clock, ErrorCode, Logger, PeerInfo, RegionProvider } from './contract/index.ts';
import type { Hello } from './control/hello.ts';
import { type ProcessIdentity, sameProcess } from './control/process-identity.ts';
import type { Records } from './control/records.ts';
import type { CreditHold } from './credit.ts';
import { Deadlines } from './deadlines.ts';
import { Encoder } from './delivery/encoder.ts';
import { type DeliveryHost, EventDelivery } from './delivery/incoming.ts';
import { type LocalHost, LocalTarget } from './delivery/local-target.ts';
import { Outgoing } from './delivery/outgoing.ts';
import type { PublisherHost } from './delivery/publisher.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import type { BusEvents } from './events.ts';
import { Expiry } from './expiry.ts';
import { groupLabel } from './interest/group-label.ts';
import { Interest } from './interest/interest.ts';
import type { TopicEntry } from './interest/topic-entry.ts';
import type { Limits } from './limits.ts';
import type { LinkHost } from './link/host.ts';
import { Link } from './link/link.ts';
import { type OutMessage, OutMessagePool } from './link/out-message.ts';
import { TurnEnd } from './link/turn-end.ts';
import { AnnouncedInterest } from './membership/announced-interest.ts';
import type { MembershipHost } from './membership/host.ts';
import { Membership } from './membership/membership.ts';
import type { OffersHost } from './membership/offers.ts';
import { ServiceDirectory } from './membership/service-directory.ts';
import { Counters, type ReasonText } from './outcomes.ts';
import type { ProcessHold } from './process-hold.ts';
import { Reception, type ReceptionHost } from './reception.ts';
import type { Policy } from './selector/policy.ts';
import { LINK } from './stats/channels.ts';
import { Diagnostics } from './stats/diagnostics.ts';
import { FailureTable } from './stats/failure-table.ts';
import { OpenedStreams, type OpenedStreamsHost } from './streams/opened-streams.ts';
import { Productions } from './streams/productions.ts';
import type { StreamServiceHost } from './streams/stream-service.ts';
import type { ActiveSubscription, SubscriptionHost, Waiting } from './subscription.ts';
import type { TransportSet, Unusable } from './transports.ts';

/** Everything a bus is made from; nothing in it is global. */
export interface EngineParts {
  readonly self: PeerInfo;
  readonly process: ProcessIdentity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly policy: Policy;
  readonly codecs: CodecTable;
  readonly records: Records;
  readonly transports: TransportSet;
  readonly deadLetters: DeadLetterStore | undefined;
  /** The thread is this bus's alone. */
  readonly spins: boolean;
}

type Hosts = LinkHost &
  DeliveryHost &
  ReceptionHost &
  LocalHost &
  PublisherHost &
  RequestHost &
  OwnServicesHost &
  OpenedStreamsHost &
  StreamServiceHost &
  SubscriptionHost &
  LedgerHost &
  ReceiptsHost &
  DeadLettersHost &
  MembershipHost;

/** What a peer does wrong by the protocol, as against a message that only one handler cannot use. */
const PEER_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'AUTH_FAILED',
  'FOREIGN_UID',
  'PROTOCOL_ERROR',
  'QUOTA_EXCEEDED',
  'UNSUPPORTED_KIND',
  'VERSION_MISMATCH',
]);

/** The parts of one bus, wired together. The `Bus` is its face; this is where they meet. */
export class Engine implements Hosts {
  readonly self: PeerInfo;
  readonly process: ProcessIdentity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly policy: Policy;
  readonly codecs: CodecTable;
  readonly records: Records;
  readonly transports: TransportSet;

  readonly events = new EventEmitter<BusEvents>();
  readonly counters = new Counters();
  readonly failures = new FailureTable();
  readonly diagnostics: Diagnostics;
  readonly messages = new OutMessagePool();
  readonly interest = new Interest();
  readonly services = new ServiceDirectory();
  readonly announced = new AnnouncedInterest();
  readonly turnEnd = new TurnEnd();
  readonly deadlines: Deadlines;
  readonly expiry: Expiry;
  readonly encoder: Encoder;
  readonly local: LocalTarget;
  readonly outgoing: Outgoing;
  readonly deadLetterStore: DeadLetterStore;
  readonly deadLetters: DeadLetters;
  readonly ledger: Ledger;
  readonly receipts: Receipts;
  readonly requests: Requests;
  readonly openedStreams: OpenedStreams;
  readonly productions = new Productions();
  readonly delivery: EventDelivery;
  readonly reception: Reception;
  readonly membership: Membership;
  readonly dispatcher: Dispatcher;
  readonly ownServices: OwnServices;
  readonly subscriptions = new Set<ActiveSubscription>();
  closed = false;

  readonly #hold: ProcessHold;
  readonly #awaitingRoom: (() => void)[] = [];
  #linkCount = 0;
  #nextServer = 0;

  constructor(parts: EngineParts, hold: ProcessHold) {
    this.self = parts.self;
    this.process = parts.process;
    this.clock = parts.clock;
    this.logger = parts.logger;
    this.limits = parts.limits;
    this.policy = parts.policy;
    this.codecs = parts.codecs;
    this.records = parts.records;
    this.transports = parts.transports;
    this.#hold = hold;
    this.diagnostics = new Diagnostics(this.self, this.clock);
    this.deadlines = new Deadlines(this.clock);
    this.expiry = new Expiry(this.clock, this.deadlines);
    this.encoder = new Encoder(this.codecs, this.limits.maxMessageBytes);
    this.local = new LocalTarget(this);
    this.outgoing = new Outgoing(
      this.interest,
      this.local,
      this.messages,
      this.counters,
      this.limits,
      this.diagnostics,
      () => this.ledger,
    );
    this.deadLetterStore = parts.deadLetters ?? new MemoryDeadLetterStore(this.limits.deadLetterBytes);
    this.deadLetters = new DeadLetters(this);
    this.ledger = new Ledger(this);
    this.receipts = new Receipts(this);
    this.interest.onMember = () => this.ledger.memberJoined();
    this.requests = new Requests(this);
    this.openedStreams = new OpenedStreams(this);
    this.ownServices = new OwnServices(this);
    this.delivery = new EventDelivery(this);
    this.reception = new Reception(this);
    this.membership = new Membership(this);
    this.dispatcher = new Dispatcher(this.clock, this.turnEnd, (peer) => this.membership.linkOf(peer), parts.spins);
  }

  holdProcess(): void {
    this.#hold.acquire();
  }

  releaseProcess(): void {
    this.#hold.release();
  }

  nowMicros(): number {
    return this.clock.now() * 1000;
  }

  // Receiving

  regions(transport: string): RegionProvider | undefined {
    return this.transports.regions(transport);
  }

  cancelled(link: Link | undefined, correlation: number): void {
    this.ownServices.cancelled(link, correlation);
  }

  streamCredited(link: Link | undefined, correlation: number, taken: number): void {
    this.productions.credited(link, correlation, taken);
  }

  // Sending

  /** Everybody who serves `call`, the own bus last. */
  servers(call: string): Server[] {
    const entry = this.interest.entry(call);
    const servers: Server[] = [];
    for (const link of this.services.of(call))
      servers.push({ target: link.outbound, account: link.outbound.topic(call, entry.hash), link });
    if (this.ownServices.has(call))
      servers.push({ target: this.local, account: this.local.topic(entry), link: undefined });
    return servers;
  }

  /** The server of `call` with the fewest requests outstanding; ties go round. Undefined: nobody serves it. */
  chooseServer(call: string): Server | undefined {
    const servers = this.servers(call);
    if (servers.length === 0) return undefined;
    const offset = this.#nextServer++ % servers.length;
    let best = servers[offset];
    for (let i = 1; i < servers.length; i++) {
      const server = servers[(offset + i) % servers.length];
      if (server.account.outstanding < best.account.outstanding) best = server;
    }
    return best;
  }

  hasMember(entry: TopicEntry, group: string): boolean {
    this.interest.refresh(entry);
    return (entry.group(group)?.subscriptions.length ?? 0) > 0;
  }

  unlinked(peer: PeerInfo, transport: string): void {
    this.transports.unlinked(peer, transport);
  }

  unusable(link: Link): readonly Unusable[] {
    return this.membership.member(link.peer.id)?.offers.unusable ?? [];
  }

  ask(link: Link): Promise<boolean> {
    return this.membership.member(link.peer.id)?.ask() ?? Promise.resolve(false);
  }

  regroup(message: OutMessage): boolean {
    return this.outgoing.regroup(message);
  }

  awaitRoom(callback: () => void): void {
    this.#awaitingRoom.push(callback);
  }

  roomReturned(): void {
    if (this.#awaitingRoom.length === 0) return;
    for (const callback of this.#awaitingRoom.splice(0)) callback();
  }

  // Subscriptions and services

  isExpired(hold: CreditHold): boolean {
    if (!this.expiry.hasPassed(hold.expiry)) return false;
    if (hold.miss()) this.counters.expired++;
    return true;
  }

  unsubscribed(subscription: ActiveSubscription): void {
    if (!this.subscriptions.delete(subscription)) return;
    const { pattern, group } = subscription;
    this.interest.removeLocal(pattern, subscription);
    if (group === undefined) {
      if (this.announced.remove('pattern', pattern)) this.membership.retract({ patterns: [pattern] });
    } else {
      const label = groupLabel(pattern, group);
      if (this.announced.remove('group', label)) this.membership.retract({ groups: [label] });
      this.local.leaveGroup(group);
    }
    this.roomReturned();
    this.releaseProcess();
  }

  givenUp(subscription: ActiveSubscription, work: readonly Waiting[]): void {
    this.delivery.handOver(subscription, work);
  }

  unserved(call: string): void {
    if (this.announced.remove('service', call)) this.membership.retract({ services: [call] });
    this.releaseProcess();
  }

  // Peers

  createLink(peer: PeerInfo, hello: Hello): Link {
    const common = this.offersFor(hello.process).common(hello.transports);
    return new Link(this, ++this.#linkCount, peer, common);
  }

  offersFor(process: ProcessIdentity): OffersHost {
    const isOwn = sameProcess(process, this.process);
    return {
      offers: () => this.transports.offers(),
      common: (theirs) => this.transports.commonWith(theirs, isOwn),
      unusable: (theirs) => this.transports.unusableWith(theirs, isOwn),
    };
  }

  joined(peer: PeerInfo): void {
    if (LINK.hasSubscribers) this.diagnostics.link(peer, 'connected');
    this.#emit('join', peer);
  }

  departed(link: Link, how: 'leave' | 'lost', reason: ReasonText): void {
    this.requests.linkEnded(link);
    this.openedStreams.linkEnded(link);
    this.ownServices.linkEnded(link);
    this.ledger.linkEnded(link, reason);
    this.roomReturned();
    this.#emit(how, link.peer);
  }

  disconnected(peer: PeerInfo, dead: boolean): void {
    this.dispatcher.drain(peer);
    this.transports.peerLost(peer, dead);
  }

  attach(peer: PeerInfo, transport: string, message: Uint8Array): void {
    this.transports.attach(peer, transport, message);
  }

  // Diagnostics

  awaitContinuations(): void {
    this.turnEnd.awaitContinuations();
  }

  handlerFailed(error: BusError): void {
    this.counters.handlerErrors++;
    this.#report(error);
  }

  rejected(error: BusError): void {
    if (PEER_FAULTS.has(error.code)) this.counters.protocolErrors++;
    this.#report(error);
  }

  deadLettered(letter: DeadLetter): void {
    this.#emit('deadLetter', letter);
  }

  violation(link: Link, error: BusError): void {
    this.membership.cut(link, error);
  }

  #report(error: BusError): void {
    if (this.events.listenerCount('error') === 0) this.logger.warn(error.message, { code: error.code });
    else this.#emit('error', error);
  }

  /** A listener that throws must not take the bus with it. */
  #emit<E extends keyof BusEvents>(event: E, ...args: BusEvents[E]): void {
    try {
      (this.events.emit as (event: E, ...args: BusEvents[E]) => boolean).call(this.events, event, ...args);
    } catch (error) {
      this.logger.error(`a listener for '${event}' threw`, { error: String(error) });
    }
  }
}
