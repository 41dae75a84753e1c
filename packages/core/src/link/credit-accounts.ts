import { KIND } from '../contract/index.ts';
import { fitsFrame, groupLabel } from '../interest/group-label.ts';
import type { LinkHost } from './host.ts';
import type { Link } from './link.ts';
import type { OutMessage } from './out-message.ts';
import { OutTopic } from './out-topic.ts';
import { CREDIT_QUESTION, PairWriter } from './pairs.ts';

/**
 * The sending side of credit towards one peer: an account per topic and one for the link as a whole. What was sent is
 * debited here; what the peer's subscriptions took comes back as cumulative reports (`Answers` is the other side).
 */
export class CreditAccounts {
  /** Credit came back without a word of the peer, and may let waiting messages go. */
  refunded = false;
  readonly #link: Link;
  readonly #host: LinkHost;
  readonly #topics = new Map<string, OutTopic>();
  readonly #byId = new Map<number, OutTopic>();
  readonly #freeIds: number[] = [];
  #nextId = 1;
  #linkSent = 0;
  #linkTaken = 0;
  readonly #topicCredit: number;
  readonly #linkCredit: number;

  constructor(link: Link, host: LinkHost) {
    this.#link = link;
    this.#host = host;
    this.#topicCredit = host.limits.topicCredit;
    this.#linkCredit = host.limits.linkCredit;
  }

  /**
   * The account of `name`, or of a group's part of it, opened on first use. Id 0 is no topic's: what is sent on it is
   * refused.
   */
  open(name: string, hash: number, group?: string): OutTopic {
    const label = group === undefined ? name : groupLabel(name, group);
    const known = this.#topics.get(label);
    if (known !== undefined) return known;
    const limit = this.#host.limits.topicsPerPeer;
    if (this.#topics.size >= limit) this.#retireIdle();
    if (this.#topics.size >= limit || !fitsFrame(label)) return new OutTopic(0, name, hash, group);
    const topic = new OutTopic(this.#freeIds.pop() ?? this.#nextId++, name, hash, group);
    this.#topics.set(label, topic);
    this.#byId.set(topic.id, topic);
    return topic;
  }

  /** Accounts with nothing under way are closed, and their numbers given to other topics; users look theirs up again. */
  #retireIdle(): void {
    for (const topic of this.#topics.values()) {
      if (topic.sent !== topic.taken || topic.waitingCount > 0 || topic.outstanding > 0 || topic.pins > 0) continue;
      this.#topics.delete(topic.label);
      this.#byId.delete(topic.id);
      this.#freeIds.push(topic.id);
    }
    this.#host.interest.epoch++;
  }

  /**
   * One message larger than a window may pass when nothing else is on the way. `byLink`: the link's account counts, too;
   * best-effort messages are not on it, and critical ones may overdraw it.
   */
  admits(topic: OutTopic, cost: number, byLink: boolean): boolean {
    const inFlight = topic.inFlight;
    if (inFlight > 0 && inFlight + cost > this.#topicCredit) return false;
    const linkInFlight = this.#linkSent - this.#linkTaken;
    return !byLink || linkInFlight <= 0 || linkInFlight + cost <= this.#linkCredit;
  }

  /** Best-effort bytes are on their topic's account only: lost ones would never return to the link's. */
  debit(message: OutMessage): void {
    message.topic.sent += message.cost;
    if (message.reliable) this.#linkSent += message.cost;
  }

  /** The message will not be sent, or not in a way that returns its credit. */
  refund(message: OutMessage): void {
    if (message.cost === 0) return;
    this.refunded = true;
    message.topic.sent -= message.cost;
    if (message.reliable) this.#linkSent -= message.cost;
  }

  /** The peer's subscriptions have taken so many bytes in all; id 0 is the link's own account. */
  reported(topicId: number, taken: number): void {
    if (topicId === 0) {
      if (taken > this.#linkTaken && taken <= this.#linkSent) this.#linkTaken = taken;
      return;
    }
    const topic = this.#byId.get(topicId);
    if (topic === undefined) return;
    topic.asked = false;
    if (taken > topic.taken && taken <= topic.sent + topic.unaccounted) topic.taken = taken;
  }

  /**
   * Peers report credit in large steps. Who waits asks, once until the next report, so that no small remainder - or a
   * peer with other limits - can hold it up.
   */
  ask(topic: OutTopic): void {
    if (topic.asked) return;
    topic.asked = true;
    const pairs = new PairWriter(2);
    pairs.add(0, this.#linkTaken);
    pairs.add(topic.id, topic.taken);
    this.#link.owe(KIND.CREDIT, CREDIT_QUESTION, pairs.bytes);
  }

  /** A route was lost, and maybe questions or their answers with it. */
  forgetQuestions(): void {
    for (const topic of this.#topics.values()) topic.asked = false;
  }

  /** A new account for a topic with best-effort bytes on a dead route: what was lost can never be taken. */
  renew(topic: OutTopic, unwritten: Iterable<OutMessage>): void {
    this.#byId.delete(topic.id);
    topic.id = this.#nextId++;
    topic.sent = 0;
    topic.taken = 0;
    topic.unaccounted = 0;
    topic.announced.length = 0;
    this.#byId.set(topic.id, topic);
    for (const message of unwritten) {
      if (message.topic !== topic) continue;
      if (message.sequence === 0) topic.sent += message.cost;
      else topic.unaccounted += message.cost;
    }
    // What other routes have under way was paid for on the old account; replayed, it is reported on this one.
    for (const { window } of this.#link.routes) {
      for (const message of window) if (message.topic === topic) topic.unaccounted += message.cost;
    }
  }
}
