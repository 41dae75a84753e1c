import { BusError, isPattern, isTopic, KIND, type PeerInfo, type TimerHandle } from '../contract/index.ts';
import type { ControlConnection } from '../control/control-connection.ts';
import type { ProcessIdentity } from '../control/process-identity.ts';
import { type GroupLabel, isGroupPattern, splitLabel } from '../interest/group-label.ts';
import type { Interest } from '../interest/interest.ts';
import type { Link } from '../link/link.ts';
import { GroupInterest } from './group-interest.ts';
import type { InterestChange } from './interest-change.ts';
import type { Offers } from './offers.ts';
import type { ServiceDirectory } from './service-directory.ts';

/** One peer: its link, its control connection while there is one, and what it wants and serves. */
export class Member {
  readonly link: Link;
  connection: ControlConnection | undefined;
  /** Names this life of the link; both sides keep it over a reconnect. */
  readonly session: string;
  readonly process: ProcessIdentity;
  readonly offers: Offers;
  /** While the connection is broken: when the peer is given up. */
  returnTimer: TimerHandle | undefined;
  /** Its process, or the participant itself, is proven dead: the link ends as soon as all it left is read. */
  dead = false;
  /** The peer said BYE: its end is no loss. */
  leaving = false;

  readonly #interest: Interest;
  readonly #services: ServiceDirectory;
  readonly #maxInterest: number;
  readonly #patterns = new Set<string>();
  readonly #groups: GroupInterest;
  readonly #served = new Set<string>();
  readonly #questions = new Map<number, (answered: boolean) => void>();
  #asked = 0;
  #acks: { readonly number: number; readonly resolve: () => void }[] = [];

  constructor(
    link: Link,
    connection: ControlConnection,
    session: string,
    process: ProcessIdentity,
    offers: Offers,
    interest: Interest,
    services: ServiceDirectory,
    maxInterest: number,
  ) {
    this.link = link;
    this.connection = connection;
    this.session = session;
    this.process = process;
    this.offers = offers;
    this.#interest = interest;
    this.#groups = new GroupInterest(link, interest);
    this.#services = services;
    this.#maxInterest = maxInterest;
  }

  get peer(): PeerInfo {
    return this.link.peer;
  }

  /** @throws BusError PROTOCOL_ERROR | QUOTA_EXCEEDED */
  apply(change: InterestChange, wanted: boolean): void {
    const patterns = change.patterns ?? [];
    const groups = change.groups ?? [];
    const services = change.services ?? [];
    if (!patterns.every(isPattern) || !groups.every(isGroupPattern) || !services.every(isTopic)) {
      throw new BusError('PROTOCOL_ERROR', 'a subscription that is no pattern', { where: `link to ${this.peer.name}` });
    }
    const before = change.all === true ? this.#groups.labels : [];
    if (change.all === true) this.forgetInterest();
    for (const pattern of patterns) {
      if (wanted === this.#patterns.has(pattern)) continue;
      if (wanted) {
        this.#patterns.add(pattern);
        this.#interest.addRemote(pattern, this.link);
      } else {
        this.#patterns.delete(pattern);
        this.#interest.removeRemote(pattern, this.link);
      }
    }
    for (const label of groups) {
      if (wanted) this.#groups.add(label);
      else this.#groups.remove(label);
    }
    this.#leave(wanted ? before : groups);
    this.link.interestChanged();
    for (const service of services) {
      if (wanted) {
        this.#served.add(service);
        this.#services.add(service, this.link);
      } else {
        this.#served.delete(service);
        this.#services.remove(service, this.link);
      }
    }
    if (this.#patterns.size + this.#groups.size + this.#served.size > this.#maxInterest) {
      throw new BusError('QUOTA_EXCEEDED', `more than ${this.#maxInterest} subscriptions`, {
        where: `link to ${this.peer.name}`,
      });
    }
  }

  /** What waits here for members of groups that the peer has left is given to others. */
  #leave(labels: readonly string[]): void {
    const left = new Set<string>();
    for (const label of labels) {
      const { group } = splitLabel(label) as GroupLabel;
      if (!this.#groups.has(label)) left.add(group);
    }
    for (const group of left) this.link.leaveGroup(group);
  }

  /** The peer wants and serves nothing any more. */
  forgetInterest(): void {
    for (const pattern of this.#patterns) this.#interest.removeRemote(pattern, this.link);
    for (const service of this.#served) this.#services.remove(service, this.link);
    this.#patterns.clear();
    this.#groups.clear();
    this.#served.clear();
  }

  /** Tells the peer; resolves when it has acknowledged, or is gone. Data waits meanwhile (the fence). */
  announce(change: InterestChange): Promise<void> {
    const { connection, link } = this;
    if (connection === undefined || link.ended) return Promise.resolve();
    const number = ++link.subscribeSent;
    connection.send(KIND.SUBSCRIBE, number, Buffer.from(JSON.stringify(change)));
    return this.upToDate();
  }

  /** Resolves when the peer has acknowledged all it was told, or is gone. */
  upToDate(): Promise<void> {
    const { subscribeSent: number, subscribeAcked } = this.link;
    if (this.connection === undefined || number === subscribeAcked) return Promise.resolve();
    return new Promise((resolve) => this.#acks.push({ number, resolve }));
  }

  /** No fence: a message too many is harmless. */
  retract(change: InterestChange): void {
    this.connection?.send(KIND.UNSUBSCRIBE, 0, Buffer.from(JSON.stringify(change)));
  }

  /** The peer knows everything up to `number`. */
  acknowledged(number: number): void {
    const { link } = this;
    if (number <= link.subscribeAcked || number > link.subscribeSent) return;
    link.subscribeAcked = number;
    const known = this.#acks.filter((ack) => ack.number <= number);
    this.#acks = this.#acks.filter((ack) => ack.number > number);
    for (const { resolve } of known) resolve();
    link.pump();
  }

  /** Asks whether the peer runs; false: it cannot be asked. */
  ask(): Promise<boolean> {
    const { connection } = this;
    if (connection === undefined) return Promise.resolve(false);
    const id = ++this.#asked;
    connection.send(KIND.PING, id, QUESTION);
    return new Promise((resolve) => this.#questions.set(id, resolve));
  }

  /** The peer has answered. */
  answered(id: number): void {
    this.#questions.get(id)?.(true);
    this.#questions.delete(id);
  }

  /** Nothing will be acknowledged any more. */
  releaseWaiters(): void {
    this.offers.release();
    for (const resolve of this.#questions.values()) resolve(false);
    this.#questions.clear();
    for (const { resolve } of this.#acks.splice(0)) resolve();
  }
}

/** Payload of a ping that asks; the answer has none. */
const QUESTION = Uint8Array.of(1);
