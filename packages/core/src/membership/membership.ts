import { randomBytes } from 'node:crypto';
import { systemClock } from '../clock.ts';
import { BusError, isBusError, KIND, type PeerInfo, type TimerHandle } from '../contract/index.ts';
import type { ControlPlane, Dial, DialResult, Greeting } from '../control/control-plane.ts';
import type { Hello } from '../control/hello.ts';
import { isProvenDead, sameProcess } from '../control/process-identity.ts';
import type { ParticipantRecord } from '../control/records.ts';
import type { Link } from '../link/link.ts';
import { BUS_CLOSED, type ReasonText } from '../outcomes.ts';
import { takeControlMessage } from './control-messages.ts';
import type { MembershipHost } from './host.ts';
import type { InterestChange } from './interest-change.ts';
import { afterLastFrame } from './last-frame.ts';
import { Member } from './member.ts';
import { Offers } from './offers.ts';

const RESCAN_MS = 2000;
/** How long a participant that joined later gets to dial first. */
const LATER_DIALS_MS = 5000;
/** First pauses between two looks at a peer whose connection broke; a process takes moments to be a zombie. */
const PROOF_PAUSES_MS = [1, 2, 5, 10, 20, 50, 100, 200, 400];

/** A handshake that this side has begun, and the life of a link that it would begin or go on with. */
interface Dialling {
  readonly session: string;
  readonly dial: Dial;
  /** Settles once nothing stands here of it any more. */
  readonly result: Promise<DialResult>;
}

/** Who takes part: finds participants, keeps one member per peer, tells living from dead. */
export class Membership {
  readonly #host: MembershipHost;
  readonly #members = new Map<string, Member>();
  readonly #linkByPeer = new WeakMap<PeerInfo, Link>();
  readonly #dialling = new Map<string, Dialling>();
  /** Version of the announced interest that went out in the HELLO of a session being dialled. */
  readonly #saidVersion = new Map<string, number>();
  /** Peers that have died here and whose records may still stand. */
  #dead = new Set<string>();
  #plane!: ControlPlane;
  #record!: ParticipantRecord;
  /** Sessions of one participant are told apart by number, those of two by what is random. */
  readonly #sessionPrefix = randomBytes(4).toString('hex');
  #sessions = 0;
  #rescan: TimerHandle | undefined;
  /** New peers are taken; not while the bus drains. */
  #admitting = true;
  #closed = false;

  constructor(host: MembershipHost) {
    this.#host = host;
  }

  get members(): IterableIterator<Member> {
    return this.#members.values();
  }

  member(id: string): Member | undefined {
    return this.#members.get(id);
  }

  linkOf(peer: PeerInfo): Link | undefined {
    return this.#linkByPeer.get(peer);
  }

  /**
   * Dials everybody found who joined before; resolves when they have answered. Goes on looking, slowly.
   *
   * Of two that see each other, the one that joined later dials: everybody writes its record before it looks, so the
   * later one always sees the earlier. (One that was slow to write, and was overlooked, is found by the rescan.)
   */
  async join(plane: ControlPlane, record: ParticipantRecord): Promise<void> {
    this.#plane = plane;
    this.#record = record;
    this.#scheduleRescan();
    await Promise.allSettled(this.#dialStrangers());
  }

  #scheduleRescan(): void {
    const jitter = RESCAN_MS * (0.75 + Math.random() / 2);
    this.#rescan = this.#host.clock.setTimer(() => {
      if (!this.#admitting) return;
      void Promise.allSettled(this.#dialStrangers());
      this.#scheduleRescan();
    }, jitter);
  }

  #dialStrangers(): Promise<void>[] {
    let records: readonly ParticipantRecord[];
    try {
      records = this.#host.records.list();
    } catch (error) {
      this.#host.logger.warn('the records cannot be listed', { error: (error as Error).message });
      return [];
    }
    // Who joined later has this long to dial first; between processes it is real time that counts.
    const settledBefore = (systemClock.now() - LATER_DIALS_MS) * 1000;
    const dials: Promise<void>[] = [];
    const dead = records.filter(({ id }) => this.#dead.has(id));
    this.#dead = new Set(dead.map(({ id }) => id));
    for (const record of dead) this.#bury(record);
    for (const record of records) {
      const { id, since } = record;
      if (id === this.#record.id || this.#members.has(id) || this.#dialling.has(id) || this.#dead.has(id)) continue;
      if (since <= this.#record.since || since <= settledBefore) dials.push(this.#dialStranger(record));
    }
    return dials;
  }

  async #dialStranger(record: ParticipantRecord): Promise<void> {
    const outcome = await this.#dial(record.id, undefined);
    if (outcome === 'dead') this.#bury(record);
  }

  /** Of the many who hear of a death, most find that another has cleared up. */
  #bury(record: ParticipantRecord): void {
    const { records } = this.#host;
    if (!this.#members.has(record.id) && records.has(record)) records.remove(record);
  }

  #dial(id: string, resume: string | undefined): Promise<DialResult> {
    const under = this.#dialling.get(id);
    if (under !== undefined) return under.result;
    const session = resume ?? this.#sessionPrefix + (++this.#sessions).toString(16).padStart(8, '0');
    this.#saidVersion.set(session, this.#host.announced.version);
    const dial = this.#plane.dial(id, session, resume);
    const result = dial.result.then((outcome) => {
      if (this.#dialling.get(id)?.dial === dial) this.#dialling.delete(id);
      this.#saidVersion.delete(session);
      return outcome;
    });
    this.#dialling.set(id, { session, dial, result });
    return result;
  }

  /** For the control plane: whether to go on with a peer that dialled. */
  admit(hello: Hello): { readonly resumed: boolean } | { readonly refused: string } {
    const { self } = this.#host;
    if (!this.#admitting && !this.#members.has(hello.id)) return { refused: 'this participant is leaving' };
    if (hello.id === self.id) return { refused: 'this is the participant itself' };
    // Both dialled: the connection of the lower instance id stays.
    if (this.#dialling.has(hello.id) && self.id < hello.id) return { refused: 'duplicate: this side has dialled' };
    const member = this.#members.get(hello.id);
    if (member === undefined) return { resumed: false };
    // One that replaced another would lose what is on its way there. Should that be broken, this side hears of it at once,
    // and the peer dials again.
    if (member.connection !== undefined) return { refused: 'duplicate: the link is up' };
    if (hello.resume === member.session) return { resumed: true };
    // The peer has forgotten the session: what was under way is lost, and a new link begins.
    this.#end(member, 'lost', 'the peer has given up the link');
    return { resumed: false };
  }

  /** For the control plane: both sides have said HELLO. */
  greeted({ connection, hello, credentials, session, resumed }: Greeting): void {
    if (this.#closed || (!this.#admitting && !this.#members.has(hello.id))) {
      void connection.close();
      return;
    }
    // Answered: no longer a dial that could be given up.
    if (this.#dialling.get(hello.id)?.session === session) this.#dialling.delete(hello.id);
    const peer: PeerInfo = {
      id: hello.id,
      name: hello.name,
      pid: credentials?.pid ?? hello.process.pid,
      uid: credentials?.uid ?? process.getuid?.(),
      verified: credentials !== undefined,
    };
    let member = this.#members.get(hello.id);
    if (resumed && member?.session !== session) {
      // This side has given the link up meanwhile: the two ends would not agree. The peer dials again, for a new one.
      void connection.close();
      return;
    }
    if (member !== undefined && !resumed) {
      this.#end(member, 'lost', 'the peer has given up the link');
      member = undefined;
    }
    if (member === undefined) {
      const link = this.#host.createLink(peer, hello);
      const offers = new Offers(link, hello.transports, this.#host.offersFor(hello.process));
      member = new Member(
        link,
        connection,
        session,
        hello.process,
        offers,
        this.#host.interest,
        this.#host.services,
        this.#host.limits.subscriptionsPerPeer,
      );
      this.#members.set(hello.id, member);
    } else {
      const old = member.connection;
      member.returnTimer?.cancel();
      member.connection = connection;
      old?.onClose(() => {});
      void old?.close();
    }
    connection.where = `link to ${peer.name}`;
    this.#linkByPeer.set(peer, member.link);
    this.#listen(member, connection);
    member.apply({ patterns: hello.patterns, groups: hello.groups, services: hello.services, all: true }, true);
    member.releaseWaiters();
    if (resumed) {
      member.offers.renew(hello.transports);
      member.link.resume(peer);
    } else this.#host.joined(peer);
    const said = this.#saidVersion.get(session);
    if (said !== undefined && said !== this.#host.announced.version) this.#repeatInterest(member);
  }

  /** What was subscribed, and plugged in, between our HELLO and its answer. */
  #repeatInterest(member: Member): void {
    const { patterns, groups, services } = this.#host.announced;
    void member.announce({ patterns, groups, services, all: true });
    void member.offers.tell(member.connection);
  }

  #listen(member: Member, connection: NonNullable<Member['connection']>): void {
    connection.onMessage((message) => {
      if (member.connection !== connection) return;
      try {
        takeControlMessage(member, connection, message, this.#host);
      } catch (error) {
        this.cut(
          member.link,
          isBusError(error)
            ? error
            : new BusError('PROTOCOL_ERROR', String(error), { where: connection.where, cause: error }),
        );
      }
    });
    connection.onClose((reason) => {
      if (member.connection !== connection) return;
      if (reason !== undefined && reason.code === 'PROTOCOL_ERROR') this.#host.rejected(reason);
      this.#host.logger.debug(`link to ${member.peer.name} broke`, { reason: reason?.message });
      this.#disconnected(member);
    });
  }

  #disconnected(member: Member): void {
    member.connection = undefined;
    member.releaseWaiters();
    if (this.#closed || member.dead) return;
    if (member.leaving) {
      this.#host.disconnected(member.peer, false);
      this.#endWhenQuiet(member, 'leave', 'the peer has left');
      return;
    }
    if (isProvenDead(member.process, this.#host.process)) {
      // A process dies whole: waiting for the end of each of its connections would take Node ten times as long.
      this.#died([...this.#members.values()].filter((other) => sameProcess(other.process, member.process)));
      return;
    }
    this.#host.disconnected(member.peer, false);
    member.link.suspend();
    member.returnTimer = this.#host.clock.setTimer(
      () => this.#endWhenQuiet(member, 'lost', 'the peer did not come back'),
      this.#host.limits.resumeMs,
    );
    void this.#findOut(member, 0);
  }

  /** Proven dead. What they have left to read, farewells included, is read before their links end. */
  #died(members: readonly Member[]): void {
    const dead = members.filter((member) => !member.dead);
    for (const member of dead) {
      member.dead = true;
      this.#dead.add(member.peer.id);
      this.#host.disconnected(member.peer, true);
    }
    afterLastFrame(
      dead.map(({ link }) => link),
      () => false,
      () => {
        for (const member of dead) this.#end(member, member.leaving ? 'leave' : 'lost', 'the peer has died');
      },
    );
  }

  /** Alive or dead? A dead process is seen in /proc, a dead participant refuses connections; else the link resumes. */
  async #findOut(member: Member, attempt: number): Promise<void> {
    const result = await this.#dial(member.peer.id, member.session);
    if (this.#closed || member.link.ended || member.connection !== undefined) return;
    if (result === 'dead' || isProvenDead(member.process, this.#host.process)) {
      this.#died([member]);
      return;
    }
    const pause = PROOF_PAUSES_MS[Math.min(attempt, PROOF_PAUSES_MS.length - 1)] * (0.5 + Math.random());
    this.#host.clock.setTimer(() => {
      if (!this.#closed && !member.link.ended && member.connection === undefined)
        void this.#findOut(member, attempt + 1);
    }, pause);
  }

  /** Ends the link once nothing of the peer is left unread: what it committed is delivered first. */
  #endWhenQuiet(member: Member, how: 'leave' | 'lost', reason: ReasonText): void {
    afterLastFrame(
      [member.link],
      () => member.connection !== undefined && !member.dead,
      () => this.#end(member, member.leaving ? 'leave' : how, reason),
    );
  }

  #end(member: Member, how: 'leave' | 'lost', reason: ReasonText): void {
    if (member.link.ended) return;
    this.#host.logger.debug(`link to ${member.peer.name} ended`, { reason });
    member.returnTimer?.cancel();
    // A dial that would have resumed the link.
    this.#dialling.get(member.peer.id)?.dial.cancel();
    if (member.dead) member.connection?.destroy();
    else void member.connection?.close();
    member.connection = undefined;
    member.releaseWaiters();
    member.forgetInterest();
    if (this.#members.get(member.peer.id) === member) this.#members.delete(member.peer.id);
    member.link.end('peer-gone', reason).catch(() => {});
    this.#host.departed(member.link, how, reason);
  }

  /** The peer broke the protocol: told why, and cut. */
  cut(link: Link, error: BusError): void {
    if (link.ended) return;
    this.#host.rejected(error);
    const member = this.#members.get(link.peer.id);
    if (member?.link !== link) return;
    member.connection?.send(KIND.BYE, 0, Buffer.from(error.message));
    this.#host.disconnected(member.peer, false);
    this.#end(member, 'lost', `the link was cut: ${error.message}`);
  }

  /** Tells everybody, if there is news; resolves when all have acknowledged what they were told so far. */
  async announce(news: InterestChange | undefined): Promise<void> {
    await Promise.all([...this.#members.values()].map((one) => (news ? one.announce(news) : one.upToDate())));
  }

  /** The own transports have changed; resolves when nothing is on its way over those that went. */
  async reoffer(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ offers, connection }) => offers.tell(connection)));
  }

  retract(change: InterestChange): void {
    for (const member of this.#members.values()) member.retract(change);
  }

  /** No new peers from here on; the present ones stay until `close`. */
  stopAdmitting(): void {
    this.#admitting = false;
    this.#rescan?.cancel();
  }

  /** Says BYE to everybody and ends every link. */
  async close(): Promise<void> {
    this.stopAdmitting();
    this.#closed = true;
    const ends: Promise<void>[] = [];
    for (const member of this.#members.values()) {
      member.connection?.onClose(() => {});
      member.connection?.send(KIND.BYE, 0, Buffer.from('closing'));
      member.releaseWaiters();
      ends.push(member.link.end('dropped', BUS_CLOSED));
      if (member.connection !== undefined) ends.push(member.connection.close());
    }
    this.#members.clear();
    await Promise.allSettled(ends);
  }
}
