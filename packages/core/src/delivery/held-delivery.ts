import type { Part } from '../acknowledged/processing.ts';
import type { Receipts, Sender } from '../acknowledged/receipts.ts';
import { type FrameBuffer, type PeerInfo, PRIORITIES } from '../contract/index.ts';
import { type CreditAccount, type CreditHold, WorkHold } from '../credit.ts';
import type { Group } from '../interest/group.ts';
import type { GroupShares, Share } from '../interest/group-shares.ts';
import type { Interest } from '../interest/interest.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { Link } from '../link/link.ts';
import type { Message } from '../message.ts';
import type { ActiveSubscription, Waiting } from '../subscription.ts';
import { type DecodeHost, decodeFor, Unreadable } from './decode.ts';
import { AcknowledgedMessage, ReceivedMessage } from './received-message.ts';

export interface HeldDeliveryHost extends DecodeHost {
  readonly interest: Interest;
  readonly receipts: Receipts;
  /** True when the time of what is held has passed; that is counted, once. */
  isExpired(hold: CreditHold): boolean;
}

/** A message for a group, or one that is to be acknowledged, from a peer or the own bus. */
export interface Arrival {
  /** Undefined for the own bus. */
  readonly link: Link | undefined;
  readonly from: PeerInfo;
  readonly entry: TopicEntry;
  readonly group: string | undefined;
  readonly via: string;
  readonly priority: number;
  /** Unique among all senders. */
  readonly flow: number;
  readonly id: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly transit: number | undefined;
  readonly codec: number;
  /** The payload is `[start, end)`. */
  readonly buffer: FrameBuffer;
  readonly start: number;
  readonly end: number;
  /** The value itself, when `byReference`. */
  readonly value: unknown;
  readonly byReference: boolean;
  readonly account: CreditAccount;
  readonly cost: number;
  readonly reliable: boolean;
  readonly expiry: number;
  readonly acknowledged: boolean;
  readonly redelivered: boolean;
}

/**
 * Hands out what a handler must be done with before its credit goes back: messages of groups, of which one member here
 * gets each, and those that are to be acknowledged.
 */
export class HeldDelivery {
  readonly #host: HeldDeliveryHost;

  constructor(host: HeldDeliveryHost) {
    this.#host = host;
  }

  take(arrival: Arrival): void {
    const { entry, group, flow, acknowledged, account, cost, reliable } = arrival;
    const { interest, receipts, counters } = this.#host;
    const sender = acknowledged ? receipts.of(arrival) : undefined;
    if (sender?.knows(arrival.id) === true) {
      counters.duplicates++;
      account.returned(cost, reliable);
      return;
    }
    interest.refresh(entry);
    const { subscriptions } = entry;
    const member = group === undefined ? undefined : this.#choose(entry, group, flow);
    const takers = group === undefined ? subscriptions : member === undefined ? [] : [member];
    if (takers.length === 0) counters.unclaimed++;
    const share = member === undefined ? undefined : sharesOf(entry, member).begin(member, flow, account);
    if (sender !== undefined) this.#giveAcknowledged(arrival, sender, takers, share);
    else if (member === undefined) account.returned(cost, reliable);
    else this.#give(arrival, member, share as Share);
  }

  /** A group's message that is not to be acknowledged. */
  #give(arrival: Arrival, member: ActiveSubscription, share: Share): void {
    const { priority, flow, cost, reliable, expiry } = arrival;
    const data = this.#read(arrival, member);
    if (data instanceof Unreadable) share.returned(cost, reliable);
    else {
      const message = messageOf(arrival, data);
      offer(member, message, priority, flow, new WorkHold(share, cost, reliable, expiry, share));
    }
  }

  #giveAcknowledged(
    arrival: Arrival,
    sender: Sender,
    takers: readonly ActiveSubscription[],
    share: Share | undefined,
  ): void {
    const processing = sender.begin(arrival, share ?? arrival.account, takers.length > 1);
    for (const subscription of takers) {
      if (subscription.closed || processing.processedBy?.has(subscription) === true) continue;
      const data = this.#read(arrival, subscription);
      if (data instanceof Unreadable) processing.unreadable(data.error);
      else {
        const part = processing.part(subscription, share);
        offer(subscription, messageOf(arrival, data, part), arrival.priority, arrival.flow, part);
      }
    }
    processing.offered();
  }

  #read(arrival: Arrival, subscription: ActiveSubscription): unknown {
    const { byReference, value, codec, buffer, start, end, entry, from } = arrival;
    return byReference ? value : decodeFor(this.#host, subscription, codec, buffer, start, end, entry.name, from.name);
  }

  /** The member that takes the next message of `flow`; undefined when there is none any more. */
  #choose(entry: TopicEntry, name: string, flow: number): ActiveSubscription | undefined {
    const group = entry.group(name);
    return group?.shares.choose(group.subscriptions, flow);
  }

  /**
   * A member has closed with messages waiting: others here that check by the same schema take them over. What nobody
   * takes is counted as unclaimed. Unless it is to be acknowledged, its sender has been told that it arrived, so another bus
   * cannot have it any more.
   */
  handOver(from: ActiveSubscription, work: readonly Waiting[]): void {
    const { counters } = this.#host;
    for (const { message, flow, hold } of work) {
      if (this.#host.isExpired(hold)) {
        hold.givenUp();
        continue;
      }
      const member = this.#heir(from, message.topic, flow);
      if (member === undefined) {
        counters.unclaimed++;
        hold.givenUp();
        continue;
      }
      (hold as WorkHold).moveTo(member);
      offer(member, message, PRIORITIES.indexOf(message.priority), flow, hold);
    }
  }

  /** Who goes on with what `from` has checked by its schema. */
  #heir(from: ActiveSubscription, topic: string, flow: number): ActiveSubscription | undefined {
    const { interest } = this.#host;
    const entry = interest.entry(topic);
    interest.refresh(entry);
    const group = entry.group(from.group as string);
    const heirs = group?.subscriptions.filter(({ schema, lease }) => schema === from.schema && lease === from.lease);
    return heirs && group?.shares.choose(heirs, flow);
  }
}

function sharesOf(entry: TopicEntry, { group }: ActiveSubscription): GroupShares {
  return (entry.group(group as string) as Group).shares;
}

/** `part`: what becomes of it is to be told. */
function messageOf(arrival: Arrival, data: unknown, part?: Part): Message {
  const { entry, from, via, id, headers, transit, redelivered } = arrival;
  const priority = PRIORITIES[arrival.priority];
  return part === undefined
    ? new ReceivedMessage(entry.name, data, from, via, priority, id, headers, transit)
    : new AcknowledgedMessage(entry.name, data, from, via, priority, id, headers, transit, redelivered, part);
}

/** Passes on one hold of the caller's. */
function offer(taker: ActiveSubscription, message: Message, priority: number, flow: number, hold: CreditHold): void {
  if (taker.canTake(flow)) taker.take(message, flow, hold);
  else taker.hold(message, priority, flow, hold);
  hold.release();
}
