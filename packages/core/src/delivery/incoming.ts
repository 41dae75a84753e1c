import { raw } from '../codecs/index.ts';
import { frameBuffer, type Lease, type PeerInfo, PRIORITIES } from '../contract/index.ts';
import { type CreditAccount, CreditHold } from '../credit.ts';
import type { Expiry } from '../expiry.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { IncomingMessage } from '../link/incoming-message.ts';
import type { Link } from '../link/link.ts';
import type { OutMessage } from '../link/out-message.ts';
import type { Message } from '../message.ts';
import type { ActiveSubscription, Waiting } from '../subscription.ts';
import { decodeFor, Unreadable } from './decode.ts';
import { type Arrival, HeldDelivery, type HeldDeliveryHost } from './held-delivery.ts';
import { SharedLease } from './leases.ts';
import { ReceivedMessage } from './received-message.ts';

export interface DeliveryHost extends HeldDeliveryHost {
  readonly expiry: Expiry;
  /** Microseconds of the machine's monotonic clock. */
  nowMicros(): number;
}

/** From a received message to the subscriptions that want it. Each gets a value of its own. */
export class EventDelivery {
  readonly #host: DeliveryHost;
  readonly #held: HeldDelivery;

  constructor(host: DeliveryHost) {
    this.#host = host;
    this.#held = new HeldDelivery(host);
  }

  /** An event from a peer. */
  remote(link: Link, message: IncomingMessage): void {
    const { counters, interest } = this.#host;
    const topic = message.topic;
    const entry = topic.entry;
    counters.received++;
    if (this.#host.expiry.hasPassed(message.expiry)) {
      message.lease?.release();
      counters.expired++;
      topic.returned(message.cost, message.reliable);
      if (message.acknowledged) this.#host.receipts.expired(link, entry, topic.group, message.messageId);
      return;
    }
    if (message.acknowledged || topic.group !== undefined) {
      message.copyOut();
      this.#held.take(this.#arrivalOf(link, message));
      return;
    }
    interest.refresh(entry);
    const { subscriptions } = entry;
    const shared = message.lease === undefined ? undefined : sharedLease(message, message.lease);
    if (subscriptions.length === 0) {
      shared?.release();
      counters.unclaimed++;
      topic.returned(message.cost, message.reliable);
      return;
    }
    const flow = link.index * 320 + message.flowIndex;
    const { codec, buffer, start, end, priority, messageId, cost, reliable, via, headers } = message;
    const transit = message.sampledTime === 0 ? undefined : this.#host.nowMicros() - message.sampledTime;
    let hold: CreditHold | undefined;
    for (let i = 0; i < subscriptions.length; i++) {
      const subscription = subscriptions[i];
      if (subscription.closed) continue;
      const data =
        shared !== undefined && subscription.lease
          ? shared.share()
          : decodeFor(this.#host, subscription, codec, buffer, start, end, entry.name, link.peer.name);
      if (data instanceof Unreadable) continue;
      const received: Message = new ReceivedMessage(
        entry.name,
        data,
        link.peer,
        via,
        PRIORITIES[priority],
        messageId,
        headers,
        transit,
      );
      if (subscription.canTake(flow)) subscription.take(received, flow);
      else {
        hold ??= new CreditHold(topic, cost, reliable, message.expiry);
        subscription.hold(received, priority, flow, hold);
      }
    }
    shared?.release();
    if (hold === undefined) topic.returned(cost, reliable);
    else hold.release();
  }

  #arrivalOf(link: Link, message: IncomingMessage): Arrival {
    const { topic, codec, buffer, start, end, priority, flowIndex, cost, reliable, via, headers } = message;
    return {
      link,
      from: link.peer,
      entry: topic.entry,
      group: topic.group,
      via,
      priority,
      flow: link.index * 320 + flowIndex,
      id: message.messageId,
      headers,
      transit: message.sampledTime === 0 ? undefined : this.#host.nowMicros() - message.sampledTime,
      codec,
      buffer,
      start,
      end,
      value: undefined,
      byReference: false,
      account: topic,
      cost,
      reliable,
      expiry: message.expiry,
      acknowledged: message.acknowledged,
      redelivered: message.redelivered,
    };
  }

  /** A member of a group has closed with messages waiting. */
  handOver(from: ActiveSubscription, work: readonly Waiting[]): void {
    this.#held.handOver(from, work);
  }

  /** An event of this bus's own. */
  local(
    entry: TopicEntry,
    message: OutMessage,
    account: CreditAccount,
    self: PeerInfo,
    headers: Readonly<Record<string, string>> | undefined,
  ): void {
    const { counters, interest } = this.#host;
    counters.received++;
    const flow = message.priority * 64 + message.flow;
    if (message.acknowledged || message.topic.group !== undefined) {
      this.#held.take(ownArrivalOf(entry, message, account, self, headers));
      return;
    }
    interest.refresh(entry);
    const { subscriptions } = entry;
    const { codec, payload, start, size, priority, id, cost, byReference, value } = message;
    let hold: CreditHold | undefined;
    for (let i = 0; i < subscriptions.length; i++) {
      const subscription = subscriptions[i];
      if (subscription.closed) continue;
      const data = byReference
        ? value
        : decodeFor(this.#host, subscription, codec, payload, start, start + size, entry.name, self.name);
      if (data instanceof Unreadable) continue;
      const received: Message = new ReceivedMessage(
        entry.name,
        data,
        self,
        'local',
        PRIORITIES[priority],
        id,
        headers,
        undefined,
      );
      if (subscription.canTake(flow)) subscription.take(received, flow);
      else {
        hold ??= new CreditHold(account, cost, true, message.expiry);
        subscription.hold(received, priority, flow, hold);
      }
    }
    if (hold === undefined) account.returned(cost, true);
    else hold.release();
  }
}

/**
 * Keeps what came by reference open while subscriptions are given it: as it is, or as copies. Bytes are copied straight from
 * there; anything that is to be read must be private before.
 */
function sharedLease(message: IncomingMessage, lease: Lease): SharedLease | undefined {
  if (message.codec !== raw.id) {
    message.copyOut();
    return undefined;
  }
  const { buffer, byteOffset, length } = lease.view;
  message.buffer = frameBuffer(buffer, byteOffset, length);
  message.start = 0;
  message.end = length;
  message.lease = undefined;
  return new SharedLease(lease);
}

function ownArrivalOf(
  entry: TopicEntry,
  message: OutMessage,
  account: CreditAccount,
  self: PeerInfo,
  headers: Readonly<Record<string, string>> | undefined,
): Arrival {
  const { topic, priority, flow, id, codec, payload, start, size, value, byReference, cost, expiry } = message;
  return {
    link: undefined,
    from: self,
    entry,
    group: topic.group,
    via: 'local',
    priority,
    flow: priority * 64 + flow,
    id,
    headers,
    transit: undefined,
    codec,
    buffer: payload,
    start,
    end: start + size,
    value,
    byReference,
    account,
    cost,
    reliable: true,
    expiry,
    acknowledged: message.acknowledged,
    redelivered: message.redelivered,
  };
}
