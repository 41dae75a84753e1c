import { BACK_PRESSURED, CLOSED, FLOWS_PER_LINK, KIND, OK, type PeerInfo } from '../contract/index.ts';
import type { Outcome } from '../outcomes.ts';
import type { LinkHost } from './host.ts';
import type { Link } from './link.ts';
import { MessageQueue, type OutMessage, type Target } from './out-message.ts';
import { OutTopic } from './out-topic.ts';
import { CREDIT_QUESTION, PairWriter } from './pairs.ts';
import type { Route } from './route.ts';

/**
 * What leaves towards one peer. A message passes, in this order: credit of its topic and of the link (else it waits
 * with its topic), the ready queue of its priority (empty when the medium keeps up), a route, the route's window of
 * unconfirmed frames. A flow's sequence is given at the first commit, after every drop, so a gap always means loss.
 */
export class Outbound implements Target {
  /** Highest sequence committed, by flow index. */
  readonly sentSequence = new Float64Array(FLOWS_PER_LINK);
  /** Highest sequence the peer has confirmed without a gap, by flow index. */
  readonly confirmedSequence = new Float64Array(FLOWS_PER_LINK);
  /** Bytes of messages waiting for credit or for a route. */
  queuedBytes = 0;

  readonly #link: Link;
  readonly #host: LinkHost;
  readonly #ready = [
    new MessageQueue(),
    new MessageQueue(),
    new MessageQueue(),
    new MessageQueue(),
    new MessageQueue(),
  ];
  #readyCount = 0;
  readonly #topics = new Map<string, OutTopic>();
  readonly #byId = new Map<number, OutTopic>();
  readonly #waitingTopics = new Set<OutTopic>();
  #nextTopicId = 1;
  /** By flow: the first sequence sent over a lossy medium that the receiver was not told about. */
  #lossyFrom: Map<number, number> | undefined;
  #linkSent = 0;
  #linkTaken = 0;
  /** Credit came back without a word of the peer, and may let waiting messages go. */
  #refunded = false;
  #pumping = false;

  constructor(link: Link, host: LinkHost) {
    this.#link = link;
    this.#host = host;
  }

  get peer(): PeerInfo {
    return this.#link.peer;
  }

  /** The account of `name` towards this peer, opened on first use. */
  topic(name: string, hash: number): OutTopic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = new OutTopic(this.#nextTopicId++, name, hash);
      this.#topics.set(name, topic);
      this.#byId.set(topic.id, topic);
    }
    return topic;
  }

  nextSequence(message: OutMessage): number {
    const flow = message.priority * 64 + message.flow;
    const lossyFrom = this.#lossyFrom?.get(flow);
    if (lossyFrom !== undefined && message.reliable) {
      // The receiver must not wait for what a lossy medium may have lost.
      this.#lossyFrom?.delete(flow);
      const lossyTo = this.sentSequence[flow];
      // Not now: a frame is claimed and not yet committed.
      queueMicrotask(() => this.#link.announceSkip(flow, lossyFrom, lossyTo));
    }
    return ++this.sentSequence[flow];
  }

  /** A best-effort message left over a medium that may lose it: its credit is given back, its sequence noted. */
  sentLossy(message: OutMessage): void {
    const flow = message.priority * 64 + message.flow;
    this.#lossyFrom ??= new Map();
    if (!this.#lossyFrom.has(flow)) this.#lossyFrom.set(flow, message.sequence);
    this.#refund(message);
  }

  /** True when a message of `cost` bytes for `topic` would not have to wait for credit; else the peer is asked for it. */
  hasCredit(topic: OutTopic, cost: number, reliable: boolean): boolean {
    if (topic.waitingCount === 0 && this.#admits(topic, cost, reliable)) return true;
    this.#ask(topic);
    return false;
  }

  /** One message larger than a window may pass when nothing else is on the way. */
  #admits(topic: OutTopic, cost: number, reliable: boolean): boolean {
    const { topicCredit, linkCredit } = this.#host.limits;
    const inFlight = topic.inFlight;
    if (inFlight > 0 && inFlight + cost > topicCredit) return false;
    const linkInFlight = this.#linkSent - this.#linkTaken;
    return !reliable || linkInFlight === 0 || linkInFlight + cost <= linkCredit;
  }

  /**
   * Peers report credit in large steps. Who waits asks, once until the next report, so that no small remainder - or a
   * peer with other limits - can hold it up.
   */
  #ask(topic: OutTopic): void {
    if (topic.asked) return;
    topic.asked = true;
    const pairs = new PairWriter(2);
    pairs.add(0, 0);
    pairs.add(topic.id, 0);
    this.#link.owe(KIND.CREDIT, CREDIT_QUESTION, pairs.bytes);
  }

  /** A route was lost, and maybe a question or its answer with it. */
  askAgain(): void {
    for (const topic of this.#topics.values()) topic.asked = false;
    for (const topic of this.#waitingTopics) this.#ask(topic);
    this.#host.roomReturned(this.#link);
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
    if (message.cost > 0) {
      if (!this.hasCredit(topic, message.cost, message.reliable)) {
        if (!message.reliable) this.settle(message, 'dropped', 'no credit: the subscriber is behind');
        else this.#waitForCredit(message);
        return;
      }
      this.#debit(message);
    }
    if (this.#readyCount === 0 && this.#link.mayCarryData && this.#write(message)) return;
    const queue = this.#ready[message.priority];
    queue.push(message);
    this.#readyCount++;
    this.queuedBytes += message.payload.length;
    // Room kept for the urgent is used at once; what is not first in line waits for the pump.
    if (queue.length === 1 && !this.#pumping && this.#link.mayCarryData && this.#isMostUrgent(message.priority))
      this.pump();
  }

  #isMostUrgent(priority: number): boolean {
    for (let above = 0; above < priority; above++) if (this.#ready[above].length > 0) return false;
    return true;
  }

  /** Best-effort bytes are on their topic's account only: lost ones would never return to the link's. */
  #debit(message: OutMessage): void {
    message.topic.sent += message.cost;
    if (message.reliable) this.#linkSent += message.cost;
  }

  #waitForCredit(message: OutMessage): void {
    message.topic.wait(message);
    this.#waitingTopics.add(message.topic);
    this.queuedBytes += message.payload.length;
  }

  /** Writes what is ready, most urgent first, until the media are full. Called when something made room. */
  pump(): void {
    if (this.#readyCount === 0 || this.#pumping || !this.#link.mayCarryData) return;
    // A settlement may publish again from within; that message queues up and this pass takes it.
    this.#pumping = true;
    try {
      for (const queue of this.#ready) this.#pumpQueue(queue);
    } finally {
      this.#pumping = false;
    }
    if (this.#refunded) this.releaseWaiting();
  }

  #pumpQueue(queue: MessageQueue): void {
    for (;;) {
      const message = queue.first;
      if (message === undefined) return;
      if (message.done && message.sequence === 0) {
        this.#discard(queue);
        continue;
      }
      const size = message.payload.length;
      // Shifted first: a settlement inside #write may pool the message.
      queue.shift();
      this.#readyCount--;
      if (!this.#write(message)) {
        queue.prepend([message]);
        this.#readyCount++;
        return;
      }
      this.queuedBytes -= size;
    }
  }

  /** Drops a message that was settled (deadline, abort) before anything of it was written. */
  #discard(queue: MessageQueue): void {
    const message = queue.shift() as OutMessage;
    this.#readyCount--;
    this.queuedBytes -= message.payload.length;
    this.#refund(message);
    this.#host.messages.give(message);
  }

  #refund(message: OutMessage): void {
    if (message.cost === 0) return;
    this.#refunded = true;
    message.topic.sent -= message.cost;
    if (message.reliable) this.#linkSent -= message.cost;
  }

  /** True when the message is off our hands: written, or refused. */
  #write(message: OutMessage): boolean {
    if (message.route !== undefined && message.route.state !== 'up') {
      // The route died between two fragments: the message begins again on another.
      message.route = undefined;
      message.written = 0;
    }
    const route = message.route ?? this.#choose(message);
    if (route === null) {
      if (this.#link.mayFindRoute(message)) return false;
      this.#refund(message);
      this.settle(message, 'refused', this.#link.whyNoRoute(message));
      return true;
    }
    if (route.state !== 'up') {
      if (route.state === 'idle') route.open();
      return false;
    }
    // A less urgent message must not slip into the room that a large urgent one waits for.
    if (route.waitsForRoom && message.priority > 0) return false;
    const result = route.write(message);
    if (result === OK) return true;
    if (result === CLOSED) {
      message.route = undefined;
      message.written = 0;
    } else if (result !== BACK_PRESSURED) {
      this.#refund(message);
      this.settle(message, 'refused', `the transport ${route.transport} answered ${result}`);
      return true;
    }
    return false;
  }

  #choose(message: OutMessage): Route | null {
    const topic = message.topic;
    if (message.via !== undefined) return this.#link.chooseRoute(message);
    if (topic.choicesEpoch !== this.#link.routesEpoch) {
      topic.choices.length = 0;
      topic.choicesEpoch = this.#link.routesEpoch;
    }
    const key = (this.#link.sizeClass(message.payload.length) * 5 + message.priority) * 2 + (message.reliable ? 1 : 0);
    let route = topic.choices[key];
    if (route === undefined) {
      route = this.#link.chooseRoute(message);
      topic.choices[key] = route;
    }
    return route;
  }

  /** The peer's subscriptions have taken so many bytes in all; id 0 is the link's own account. */
  credit(topicId: number, taken: number): void {
    if (topicId === 0) {
      if (taken > this.#linkTaken && taken <= this.#linkSent) this.#linkTaken = taken;
      return;
    }
    const topic = this.#byId.get(topicId);
    if (topic !== undefined) topic.asked = false;
    if (topic === undefined || taken <= topic.taken || taken > topic.sent + topic.unaccounted) return;
    topic.taken = taken;
  }

  /** Moves on whatever has credit now: the peer returned some, or what was refused gave its own back. */
  releaseWaiting(): void {
    this.#refunded = false;
    for (const topic of this.#waitingTopics) {
      this.#release(topic);
      if (topic.waitingCount === 0) this.#waitingTopics.delete(topic);
      else this.#ask(topic);
    }
    this.pump();
    this.#host.roomReturned(this.#link);
  }

  #release(topic: OutTopic): void {
    for (const queue of topic.waiting) {
      if (queue === undefined) continue;
      for (let message = queue.first; message !== undefined; message = queue.first) {
        const size = message.payload.length;
        if (!message.done && !this.#admits(topic, message.cost, message.reliable)) return;
        queue.shift();
        topic.waitingCount--;
        if (message.done) {
          this.queuedBytes -= size;
          this.#host.messages.give(message);
          continue;
        }
        this.#debit(message);
        this.#ready[message.priority].push(message);
        this.#readyCount++;
      }
    }
  }

  settleDelivered(message: OutMessage): void {
    if (!message.done) {
      message.done = true;
      this.#host.counters.outcomes.delivered++;
      message.settlement?.settled(message, 'delivered', undefined);
    }
    this.#host.messages.give(message);
  }

  refuse(message: OutMessage, reason: string): void {
    this.settle(message, 'refused', reason);
  }

  /** Ends a message that is in no queue. */
  settle(message: OutMessage, outcome: Outcome, reason: string): void {
    this.settleEarly(message, outcome, reason);
    this.#host.messages.give(message);
  }

  /** Ends a message where it stands (deadline, abort); its queue skips it, its window keeps it for replay. */
  settleEarly(message: OutMessage, outcome: Outcome, reason: string): void {
    if (message.done) return;
    message.done = true;
    this.#host.counters.outcomes[outcome]++;
    const settlement = message.settlement;
    message.settlement = undefined;
    settlement?.settled(message, outcome, reason);
  }

  /** The peer confirmed by frame. */
  confirm(flowIndex: number, sequence: number): void {
    if (sequence > this.confirmedSequence[flowIndex] && sequence <= this.sentSequence[flowIndex]) {
      this.confirmedSequence[flowIndex] = sequence;
    }
  }

  /** What a closed route had not confirmed goes first again, in the order it was committed. */
  replay(messages: readonly OutMessage[]): void {
    for (let priority = 0; priority < 5; priority++) {
      const mine = messages.filter((message) => message.priority === priority);
      for (const message of mine) {
        message.written = 0;
        this.queuedBytes += message.payload.length;
      }
      const queue = this.#ready[priority];
      const half = queue.first;
      if (half !== undefined && half.sequence > 0 && half.route?.state !== 'up') {
        half.written = 0;
        half.route = undefined;
      }
      queue.prepend(mine);
      this.#readyCount += mine.length;
    }
  }

  /** Topics with best-effort bytes on a dead route start a new account: what was lost can never be taken. */
  renewAccount(topic: OutTopic): void {
    this.#byId.delete(topic.id);
    topic.id = this.#nextTopicId++;
    topic.sent = 0;
    topic.taken = 0;
    topic.unaccounted = 0;
    topic.announced.length = 0;
    this.#byId.set(topic.id, topic);
    for (const message of this.unwritten()) {
      if (message.topic !== topic) continue;
      if (message.sequence === 0) topic.sent += message.cost;
      else topic.unaccounted += message.cost;
    }
    // What other routes have under way was paid for on the old account; replayed, it is reported on this one.
    for (const { window } of this.#link.routes) {
      for (const message of window) if (message.topic === topic) topic.unaccounted += message.cost;
    }
  }

  /** Messages ready to be written, or to be written again. */
  *unwritten(): Generator<OutMessage> {
    for (const queue of this.#ready) yield* queue;
  }

  /** Settles everything that is queued; nothing more will be written. */
  failAll(outcome: Outcome, reason: string): void {
    const all: OutMessage[] = [];
    for (const queue of this.#ready) {
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) all.push(message);
    }
    for (const topic of this.#waitingTopics) {
      for (const queue of topic.waiting) {
        for (let message = queue?.shift(); message !== undefined; message = queue?.shift()) all.push(message);
      }
      topic.waitingCount = 0;
    }
    this.#waitingTopics.clear();
    this.#readyCount = 0;
    this.queuedBytes = 0;
    for (const message of all) this.settle(message, outcome, reason);
  }

  /** Messages not yet written. */
  get queued(): number {
    let count = this.#readyCount;
    for (const topic of this.#waitingTopics) count += topic.waitingCount;
    return count;
  }
}
