import type { PeerInfo } from '../contract/index.ts';
import type { CreditAccount } from '../credit.ts';
import { type Expiry, TIME_PASSED } from '../expiry.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { Limits } from '../limits.ts';
import {
  MessageQueue,
  NEWER_CAME,
  NO_CREDIT,
  ON_FULL,
  type OutMessage,
  type OutMessagePool,
  type SettlementHost,
  type Target,
} from '../link/out-message.ts';
import { OutTopic } from '../link/out-topic.ts';
import { GROUP_EMPTY, type Outcome, type ReasonText } from '../outcomes.ts';
import type { Reception } from '../reception.ts';
import { QUEUED } from '../stats/channels.ts';

/** Messages of one pass; then the event loop gets its turn. */
const PASS_MESSAGES = 1024;
/** Its `then` is a microtask at a fifth of the price of queueMicrotask, which makes an async resource. */
const RESOLVED = Promise.resolve();

export interface LocalHost extends SettlementHost {
  readonly self: PeerInfo;
  readonly limits: Limits;
  readonly expiry: Expiry;
  readonly messages: OutMessagePool;
  readonly reception: Reception;
  roomReturned(): void;
  /** This bus has a member of `group` for the topic. */
  hasMember(entry: TopicEntry, group: string): boolean;
  /** Gives a group's message, which is in no queue, to a living member; false: there is none. */
  regroup(message: OutMessage): boolean;
}

/** A topic towards the own bus: the same accounting as towards a peer. */
class LocalTopic extends OutTopic implements CreditAccount {
  readonly entry: TopicEntry;
  readonly #target: LocalTarget;

  constructor(target: LocalTarget, entry: TopicEntry, group: string | undefined) {
    super(0, entry.name, entry.hash, group);
    this.#target = target;
    this.entry = entry;
  }

  returned(cost: number): void {
    this.taken += cost;
    this.#target.creditReturned(this);
  }
}

/**
 * The own bus as a target, without a transport: messages are queued and delivered after the publishing turn, so that
 * subscribers of one bus see the same order and the same back-pressure as those of another.
 */
export class LocalTarget implements Target {
  readonly peer: PeerInfo;
  readonly #host: LocalHost;
  readonly #queue = new MessageQueue();
  readonly #topics = new Map<string, LocalTopic>();
  #scheduled = false;
  queuedBytes = 0;

  constructor(host: LocalHost) {
    this.#host = host;
    this.peer = host.self;
  }

  /** The account of a topic, or of a group's part of it. */
  topic(entry: TopicEntry, group?: string, label = entry.name): OutTopic {
    let topic = this.#topics.get(label);
    if (topic === undefined) {
      if (this.#topics.size >= this.#host.limits.topicsPerPeer) this.#forgetIdle();
      topic = new LocalTopic(this, entry, group);
      this.#topics.set(label, topic);
    }
    return topic;
  }

  #forgetIdle(): void {
    for (const topic of this.#topics.values()) {
      if (topic.sent === topic.taken && topic.waitingCount === 0 && topic.outstanding === 0 && topic.pins === 0)
        this.#topics.delete(topic.label);
    }
  }

  hasCredit(topic: OutTopic, cost: number): boolean {
    return topic.waitingCount === 0 && this.#admits(topic, cost);
  }

  #admits(topic: OutTopic, cost: number): boolean {
    return topic.inFlight <= 0 || topic.inFlight + cost <= this.#host.limits.topicCredit;
  }

  submit(message: OutMessage): void {
    const topic = message.topic;
    if (message.cost > 0 && !this.hasCredit(topic, message.cost)) {
      this.#withoutCredit(message);
      return;
    }
    this.#enqueue(message);
  }

  #withoutCredit(message: OutMessage): void {
    const { topic } = message;
    if (!message.reliable || message.onFull === ON_FULL.DROP_NEWEST) {
      this.#settle(message, 'dropped', NO_CREDIT);
      return;
    }
    topic.wait(message);
    this.queuedBytes += message.size;
    message.watch(this.#host.expiry);
    if (QUEUED.hasSubscribers) this.#host.diagnostics.queued(message, 'credit');
    if (message.onFull !== ON_FULL.DROP_OLDEST) return;
    const limit = this.#host.limits.topicCredit;
    for (let oldest = topic.takeOldest(limit); oldest !== undefined; oldest = topic.takeOldest(limit)) {
      this.queuedBytes -= oldest.size;
      this.#settle(oldest, 'dropped', NEWER_CAME);
    }
  }

  #enqueue(message: OutMessage): void {
    message.topic.sent += message.cost;
    this.#queue.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    void RESOLVED.then(this.#pass);
  }

  creditReturned(topic: OutTopic): void {
    if (topic.waitingCount > 0) this.#release(topic);
    // Publishers are called back for half a window, not for every message.
    else if (topic.inFlight * 2 <= this.#host.limits.topicCredit) this.#host.roomReturned();
  }

  #release(topic: OutTopic): void {
    for (let message = topic.firstWaiting; message !== undefined; message = topic.firstWaiting) {
      if (!this.#isOver(message) && !this.#admits(topic, message.cost)) return;
      topic.shiftWaiting();
      this.queuedBytes -= message.size;
      if (message.done) this.#host.messages.give(message);
      else this.#enqueue(message);
    }
  }

  readonly #pass = (): void => {
    for (let i = 0; i < PASS_MESSAGES; i++) {
      const message = this.#queue.shift();
      if (message === undefined) {
        this.#scheduled = false;
        return;
      }
      this.#deliver(message);
    }
    setImmediate(this.#pass);
  };

  #deliver(message: OutMessage): void {
    const topic = message.topic as LocalTopic;
    if (this.#isOver(message)) topic.returned(message.cost);
    else {
      message.carriedBy = 'local';
      this.#host.reception.local(topic.entry, message, topic);
      message.end(this.#host, 'delivered', undefined);
    }
    this.#host.messages.give(message);
  }

  /** Settled already, or by now its time has passed. */
  #isOver(message: OutMessage): boolean {
    if (!message.done && this.#host.expiry.hasPassed(message.expiry)) this.settleEarly(message, 'expired', TIME_PASSED);
    return message.done;
  }

  /** A member of `group` here has closed: what none is left for goes to others, in its order, as what was not written. */
  leaveGroup(group: string): void {
    const hasLeft = (topic: OutTopic): boolean =>
      topic.group === group && !this.#host.hasMember((topic as LocalTopic).entry, group);
    const left = [...this.#queue].filter((message) => message.isShared && hasLeft(message.topic));
    for (const message of left) {
      this.#queue.remove(message);
      message.topic.sent -= message.cost;
    }
    for (const topic of this.#topics.values()) {
      if (topic.waitingCount === 0 || !hasLeft(topic)) continue;
      for (const message of topic.takeWaiting()) {
        this.queuedBytes -= message.size;
        left.push(message);
      }
    }
    for (const message of left) {
      if (this.#isOver(message)) this.#host.messages.give(message);
      else if (!this.#host.regroup(message)) this.#settle(message, 'peer-gone', GROUP_EMPTY);
    }
  }

  settleEarly(message: OutMessage, outcome: Outcome, reason: ReasonText): void {
    message.end(this.#host, outcome, reason);
  }

  refuse(message: OutMessage, reason: ReasonText): void {
    this.#settle(message, 'refused', reason);
  }

  #settle(message: OutMessage, outcome: Outcome, reason: ReasonText): void {
    this.settleEarly(message, outcome, reason);
    this.#host.messages.give(message);
  }

  /** Messages not delivered yet. */
  get queued(): number {
    let count = this.#queue.length;
    for (const topic of this.#topics.values()) count += topic.waitingCount;
    return count;
  }

  /** Ends what is queued. */
  failAll(outcome: Outcome, reason: ReasonText): void {
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift())
      this.#settle(message, outcome, reason);
    for (const topic of this.#topics.values()) {
      for (let message = topic.shiftWaiting(); message !== undefined; message = topic.shiftWaiting())
        this.#settle(message, outcome, reason);
    }
    this.queuedBytes = 0;
  }
}
