import { BACK_PRESSURED, CLOSED, MAX_TOPIC_BYTES, OK, type PeerInfo } from '../contract/index.ts';
import { TIME_PASSED } from '../expiry.ts';
import { fitsFrame } from '../interest/group-label.ts';
import { GROUP_EMPTY, type Outcome, type ReasonText } from '../outcomes.ts';
import { QUEUED } from '../stats/channels.ts';
import type { Choice } from './chooser.ts';
import { CreditAccounts } from './credit-accounts.ts';
import type { LinkHost } from './host.ts';
import type { Link } from './link.ts';
import { LossyFlows } from './lossy-flows.ts';
import { flowOf, OutFlows } from './out-flows.ts';
import { NEWER_CAME, NO_CREDIT, ON_FULL, type OutMessage, type Target } from './out-message.ts';
import type { OutTopic } from './out-topic.ts';
import { ReadyQueues } from './ready-queues.ts';
import type { Route } from './route.ts';

/**
 * What leaves towards one peer. A message passes, in this order: credit of its topic and of the link (else it waits
 * with its topic), the ready queue of its priority (empty when the medium keeps up), a route, the route's window of
 * unconfirmed frames. A flow's sequence is given at the first commit, after every drop, so a gap always means loss.
 */
export class Outbound implements Target {
  readonly flows = new OutFlows();
  /** Bytes of messages waiting for credit or for a route. */
  queuedBytes = 0;

  readonly #link: Link;
  readonly #host: LinkHost;
  readonly #ready: ReadyQueues;
  readonly #accounts: CreditAccounts;
  readonly #waitingTopics = new Set<OutTopic>();
  #lossy: LossyFlows | undefined;
  #pumping = false;
  /** When a queued message was written last, or the first of them was queued; ms of the clock. */
  #movedAt = 0;

  constructor(link: Link, host: LinkHost) {
    this.#link = link;
    this.#host = host;
    this.#ready = new ReadyQueues(host.limits.minShare);
    this.#accounts = new CreditAccounts(link, host);
    this.routesChanged();
  }

  routesChanged(): void {
    if (this.#link.hasLossyRoute) this.#lossy ??= new LossyFlows(this.flows.sent);
  }

  get peer(): PeerInfo {
    return this.#link.peer;
  }

  /** The account of `name`, or of a group's part of it, towards this peer. */
  topic(name: string, hash: number, group?: string): OutTopic {
    return this.#accounts.open(name, hash, group);
  }

  /** It got a sequence and will not be written any more: the receiver is told not to wait. */
  #leaveGap(message: OutMessage): void {
    if (message.sequence === 0) return;
    this.flows.ended(message);
    this.#link.announceSkip(flowOf(message), message.sequence, message.sequence);
  }

  /** The last frame of `message` is committed. What a medium may lose takes no credit: the lost part never returned. */
  sent(message: OutMessage, lossless: boolean): void {
    if (this.#lossy === undefined) return;
    const lossyFrom = this.#lossy.sent(message, lossless);
    if (lossyFrom > 0) this.#link.announceSkip(flowOf(message), lossyFrom, message.sequence - 1);
    if (!lossless) this.#accounts.refund(message);
  }

  /** True when a message of `cost` bytes for `topic` would not have to wait for credit; else the peer is asked for it. */
  hasCredit(topic: OutTopic, cost: number, byLink: boolean): boolean {
    if (topic.waitingCount === 0 && this.#accounts.admits(topic, cost, byLink)) return true;
    this.#accounts.ask(topic);
    return false;
  }

  /** A route was lost: questions are asked again, and topics with best-effort bytes on it start new accounts. */
  recoverAccounts(lossyTopics: Iterable<OutTopic>): void {
    for (const topic of lossyTopics) this.#accounts.renew(topic, this.unwritten());
    this.#accounts.forgetQuestions();
    this.releaseWaiting();
  }

  /**
   * Takes a message over; it will be settled exactly once. Best-effort messages without credit are dropped.
   *
   * | allocates | blocks | syscalls | callable from    |
   * | no        | no     | 0        | the bus's thread |
   */
  submit(message: OutMessage): void {
    if (this.#link.ended) {
      this.settle(message, 'peer-gone', 'the link has ended');
      return;
    }
    const topic = message.topic;
    if (topic.id === 0) {
      this.settle(message, 'refused', this.#whyNoAccount(topic));
      return;
    }
    if (message.cost > 0) {
      if (!this.hasCredit(topic, message.cost, isBoundByLink(message))) {
        this.#withoutCredit(message);
        return;
      }
      this.#accounts.debit(message);
    }
    if (this.#ready.count === 0 && this.#link.mayCarryData && this.#write(message)) return;
    this.#ready.push(message);
    this.#queued(message);
    if (QUEUED.hasSubscribers) this.#host.diagnostics.queued(message, 'route');
    message.watch(this.#host.expiry);
    // Room kept for the urgent is used at once; what is not first in line waits for the pump.
    if (this.#ready.isNext(message)) this.pump();
  }

  #queued({ size }: OutMessage): void {
    if (this.queuedBytes === 0) this.#movedAt = this.#host.clock.now();
    this.queuedBytes += size;
  }

  #whyNoAccount({ label }: OutTopic): ReasonText {
    return fitsFrame(label)
      ? `too many topics: more than ${this.#host.limits.topicsPerPeer} to this peer have messages under way`
      : `the topic and group are too long together: ${label.length} bytes, at most ${MAX_TOPIC_BYTES} are possible`;
  }

  #withoutCredit(message: OutMessage): void {
    const { topic } = message;
    if (!message.reliable || message.onFull === ON_FULL.DROP_NEWEST) {
      this.settle(message, 'dropped', NO_CREDIT);
      return;
    }
    topic.wait(message);
    this.#waitingTopics.add(topic);
    this.#queued(message);
    message.watch(this.#host.expiry);
    if (QUEUED.hasSubscribers) this.#host.diagnostics.queued(message, 'credit');
    if (message.onFull === ON_FULL.DROP_OLDEST) this.#dropOldest(topic);
  }

  /** As much as one window waits; what exceeds it goes, the oldest first. No sequence is given yet, so there is no gap. */
  #dropOldest(topic: OutTopic): void {
    const limit = this.#host.limits.topicCredit;
    for (let oldest = topic.takeOldest(limit); oldest !== undefined; oldest = topic.takeOldest(limit)) {
      this.queuedBytes -= oldest.size;
      this.settle(oldest, 'dropped', NEWER_CAME);
    }
  }

  /** Writes what is ready, most urgent first, until the media are full. Called when something made room. */
  pump(): void {
    if (this.#ready.count === 0 || this.#pumping || !this.#link.mayCarryData) return;
    // A settlement may publish again from within; that message queues up and this pass takes it.
    this.#pumping = true;
    try {
      this.#pumpReady();
    } finally {
      this.#pumping = false;
    }
    if (this.#accounts.refunded) this.releaseWaiting();
  }

  #pumpReady(): void {
    let blocked = 0;
    let moved = false;
    for (let priority = this.#ready.turn(0); priority >= 0; priority = this.#ready.turn(blocked)) {
      // Shifted first: a settlement inside #write may pool the message.
      const message = this.#ready.shift(priority) as OutMessage;
      const { size, written } = message;
      if (message.sequence === 0 && this.#isOver(message)) this.#discard(message);
      else if (this.#write(message)) {
        this.queuedBytes -= size;
        moved = true;
        this.#ready.wrote(priority, size - written);
      } else {
        this.#ready.prepend(priority, [message]);
        this.#ready.wrote(priority, Math.max(0, message.written - written));
        blocked |= 1 << priority;
      }
    }
    if (moved) this.#movedAt = this.#host.clock.now();
  }

  /** Settled already, or by now its time has passed: timers may be late. */
  #isOver(message: OutMessage): boolean {
    if (!message.done && this.#host.expiry.hasPassed(message.expiry)) this.settleEarly(message, 'expired', TIME_PASSED);
    return message.done;
  }

  /** Drops a message that was settled (deadline, abort) before anything of it was written. */
  #discard(message: OutMessage): void {
    this.queuedBytes -= message.size;
    this.#accounts.refund(message);
    this.#host.messages.give(message);
  }

  /** True when the message is off our hands: written, or refused. */
  #write(message: OutMessage): boolean {
    if (message.route !== undefined) return this.#writeRest(message, message.route);
    const choice = this.#choose(message);
    if (choice === null) return this.#withoutRoute(message);
    const { route } = choice;
    if (!isOpen(route, message)) return this.#waitFor(route, message);
    const result = route.write(message);
    if (result === OK || message.written > 0) choice.tally.messages++;
    return result === OK || this.#notWritten(message, route, result);
  }

  /** It was begun on `route`. */
  #writeRest(message: OutMessage, route: Route): boolean {
    if (route.state !== 'up') {
      // The route died between two fragments: the message begins again on another.
      message.route = undefined;
      message.written = 0;
      return this.#write(message);
    }
    if (!isOpen(route, message)) return this.#waitFor(route, message);
    const result = route.write(message);
    return result === OK || this.#notWritten(message, route, result);
  }

  #waitFor(route: Route, { priority }: OutMessage): boolean {
    if (route.state === 'idle') route.open();
    else if (route.state === 'up') this.#link.blocked(route, priority);
    return false;
  }

  /** The medium said `result`; true when the message is refused for it. */
  #notWritten(message: OutMessage, route: Route, result: number): boolean {
    if (result === BACK_PRESSURED) {
      this.#link.blocked(route, message.priority);
      return false;
    }
    if (result === CLOSED) {
      message.route = undefined;
      message.written = 0;
      return false;
    }
    this.#accounts.refund(message);
    this.#leaveGap(message);
    this.settle(message, 'refused', `the transport refused it: ${route.transport} answered ${result}`);
    return true;
  }

  /** True: it is refused. False: a route may come back for it. */
  #withoutRoute(message: OutMessage): boolean {
    if (this.#link.chooser.mayFind(message)) return false;
    this.#accounts.refund(message);
    this.#leaveGap(message);
    this.settle(message, 'refused', `no route: ${this.#link.whyNoRoute(message)}`);
    return true;
  }

  #choose(message: OutMessage): Choice | null {
    const choice = this.#link.chooser.for(message, !message.reliable && this.#mustAvoidLossy(message));
    return choice?.ifAwake?.route.awake === true ? choice.ifAwake : choice;
  }

  /** A lossy route is no choice while lossless ones still carry frames of the flow. */
  #mustAvoidLossy(message: OutMessage): boolean {
    const flow = flowOf(message);
    return this.#lossy?.mustAvoidLossy(flow, this.flows.confirmed[flow]) === true;
  }

  /** The peer's subscriptions have taken so many bytes in all; id 0 is the link's own account. */
  credit(topicId: number, taken: number): void {
    this.#accounts.reported(topicId, taken);
  }

  /** Moves on whatever has credit now: the peer returned some, or what was refused gave its own back. */
  releaseWaiting(): void {
    this.#accounts.refunded = false;
    for (const topic of this.#waitingTopics) {
      this.#release(topic);
      if (topic.waitingCount === 0) this.#waitingTopics.delete(topic);
      else this.#accounts.ask(topic);
    }
    this.pump();
    this.#host.roomReturned(this.#link);
  }

  #release(topic: OutTopic): void {
    for (let message = topic.firstWaiting; message !== undefined; message = topic.firstWaiting) {
      if (!this.#isOver(message) && !this.#accounts.admits(topic, message.cost, isBoundByLink(message))) return;
      topic.shiftWaiting();
      if (message.done) {
        this.queuedBytes -= message.size;
        this.#host.messages.give(message);
        continue;
      }
      this.#accounts.debit(message);
      this.#ready.push(message);
    }
  }

  settleDelivered(message: OutMessage): void {
    this.flows.ended(message);
    message.end(this.#host, 'delivered', undefined);
    this.#host.messages.give(message);
  }

  refuse(message: OutMessage, reason: ReasonText): void {
    this.settle(message, 'refused', reason);
  }

  /** Ends a message that is in no queue. */
  settle(message: OutMessage, outcome: Outcome, reason: ReasonText): void {
    this.settleEarly(message, outcome, reason);
    this.#host.messages.give(message);
  }

  /** Ends a message where it stands (deadline, abort); its queue skips it, its window keeps it for replay. */
  settleEarly(message: OutMessage, outcome: Outcome, reason: ReasonText): void {
    message.end(this.#host, outcome, reason);
  }

  /** What a closed route had not confirmed goes first again, in the order it was committed. */
  replay(messages: readonly OutMessage[]): void {
    // A route that returns is a new session, which must not be given the rest of a message.
    for (const half of this.#ready) {
      if (half.route === undefined || half.route.state === 'up') continue;
      half.written = 0;
      half.route = undefined;
    }
    for (let priority = 0; priority < 5; priority++) {
      const mine = messages.filter((message) => message.priority === priority);
      for (const message of mine) {
        message.written = 0;
        this.queuedBytes += message.size;
        if (QUEUED.hasSubscribers && !message.done) this.#host.diagnostics.queued(message, 'replay');
      }
      this.#ready.prepend(priority, mine);
    }
  }

  /** The peer leaves `group`: what no frame bears yet is given to other members, in its order. */
  leaveGroup(group: string): void {
    const messages = this.#ready.take((message) => message.isShared && message.topic.group === group);
    for (const message of messages) this.#accounts.refund(message);
    for (const topic of this.#waitingTopics) if (topic.group === group) messages.push(...topic.takeWaiting());
    for (const message of messages) {
      this.queuedBytes -= message.size;
      this.#regroup(message, 'peer-gone', GROUP_EMPTY);
    }
    if (this.#accounts.refunded) this.releaseWaiting();
  }

  /** Another member may still have a message that this peer can have seen nothing of. */
  #regroup(message: OutMessage, outcome: Outcome, reason: ReasonText): void {
    if (this.#isOver(message)) this.#host.messages.give(message);
    else if (!this.#host.regroup(message)) this.settle(message, outcome, reason);
  }

  /** Messages ready to be written, or to be written again. */
  unwritten(): Iterable<OutMessage> {
    return this.#ready;
  }

  /** Settles everything that is queued; nothing more will be written. */
  failAll(outcome: Outcome, reason: ReasonText): void {
    const all: OutMessage[] = [];
    for (let priority = this.#ready.turn(0); priority >= 0; priority = this.#ready.turn(0)) {
      all.push(this.#ready.shift(priority) as OutMessage);
    }
    for (const topic of this.#waitingTopics) {
      all.push(...topic.takeWaiting());
    }
    this.#waitingTopics.clear();
    this.queuedBytes = 0;
    for (const message of all) {
      if (message.isShared && outcome === 'peer-gone') this.#regroup(message, outcome, reason);
      else this.settle(message, outcome, reason);
    }
  }

  /** ms for which messages have waited without one of them getting away; 0 when none waits. */
  get stalledMillis(): number {
    return this.queued === 0 ? 0 : this.#host.clock.now() - this.#movedAt;
  }

  /** Messages not yet written. */
  get queued(): number {
    let { count } = this.#ready;
    for (const topic of this.#waitingTopics) count += topic.waitingCount;
    return count;
  }
}

/** It can be written to; a less urgent message must not slip into the room that a large urgent one waits for. */
function isOpen(route: Route, { priority }: OutMessage): boolean {
  return route.state === 'up' && (!route.waitsForRoom || priority === 0);
}

function isBoundByLink(message: OutMessage): boolean {
  return message.reliable && message.priority > 0;
}
