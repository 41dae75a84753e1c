import type { CodecTable } from '../codecs/index.ts';
import { BusError, type FrameBuffer, isBusError, type PeerInfo, PRIORITIES } from '../contract/index.ts';
import { type CreditAccount, CreditHold } from '../credit.ts';
import type { Expiry } from '../expiry.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { IncomingMessage } from '../link/incoming-message.ts';
import type { Link } from '../link/link.ts';
import type { OutMessage } from '../link/out-message.ts';
import type { Message } from '../message.ts';
import { validate } from '../standard-schema.ts';
import type { ActiveSubscription, Waiting } from '../subscription.ts';
import { OwnMembers, type OwnMembersHost } from './own-members.ts';

export interface DeliveryHost extends OwnMembersHost {
  readonly codecs: CodecTable;
  readonly expiry: Expiry;
  /** Microseconds of the machine's monotonic clock. */
  nowMicros(): number;
  /** A message that no handler will see: undecodable, or not what the contract says. */
  rejected(error: BusError): void;
}

/** From a received message to the subscriptions that want it. Each gets a value of its own. */
export class EventDelivery {
  readonly #host: DeliveryHost;
  readonly #members: OwnMembers;

  constructor(host: DeliveryHost) {
    this.#host = host;
    this.#members = new OwnMembers(host);
  }

  /** An event from a peer. */
  remote(link: Link, message: IncomingMessage): void {
    const { counters, interest } = this.#host;
    const topic = message.topic;
    const entry = topic.entry;
    counters.received++;
    if (this.#host.expiry.hasPassed(message.expiry)) {
      counters.expired++;
      topic.returned(message.cost, message.reliable);
      return;
    }
    if (topic.group !== undefined) {
      this.#shared(link, message, entry, topic.group);
      return;
    }
    interest.refresh(entry);
    const { subscriptions } = entry;
    if (subscriptions.length === 0) {
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
      const data = this.#decode(subscription, entry, codec, buffer, start, end, link.peer);
      if (data === REJECTED) continue;
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
    if (hold === undefined) topic.returned(cost, reliable);
    else hold.release();
  }

  /** An event from a peer for a group: one member here gets it. */
  #shared(link: Link, message: IncomingMessage, entry: TopicEntry, group: string): void {
    const { topic, codec, buffer, start, end, priority, messageId, cost, reliable, via, headers } = message;
    const flow = link.index * 320 + message.flowIndex;
    const transit = message.sampledTime === 0 ? undefined : this.#host.nowMicros() - message.sampledTime;
    const subscription = this.#members.choose(entry, group, flow);
    if (subscription === undefined) {
      this.#host.counters.unclaimed++;
      topic.returned(cost, reliable);
      return;
    }
    const data = this.#decode(subscription, entry, codec, buffer, start, end, link.peer);
    if (data === REJECTED) {
      topic.returned(cost, reliable);
      return;
    }
    const { name } = entry;
    const received = new ReceivedMessage(name, data, link.peer, via, PRIORITIES[priority], messageId, headers, transit);
    this.#members.give(entry, subscription, received, priority, flow, topic, cost, reliable, message.expiry);
  }

  /** A member of a group has closed with messages waiting. */
  handOver(from: ActiveSubscription, work: readonly Waiting[]): void {
    this.#members.handOver(from, work);
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
    if (message.topic.group !== undefined) {
      this.#ownShared(entry, message, account, self, headers, message.topic.group);
      return;
    }
    interest.refresh(entry);
    const { subscriptions } = entry;
    const { codec, payload, start, size, priority, id, cost, byReference, value } = message;
    let hold: CreditHold | undefined;
    for (let i = 0; i < subscriptions.length; i++) {
      const subscription = subscriptions[i];
      if (subscription.closed) continue;
      const data = byReference ? value : this.#decode(subscription, entry, codec, payload, start, start + size, self);
      if (data === REJECTED) continue;
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

  /** An event of this bus's own for a group: the target has seen that there is a member. */
  #ownShared(
    entry: TopicEntry,
    message: OutMessage,
    account: CreditAccount,
    self: PeerInfo,
    headers: Readonly<Record<string, string>> | undefined,
    group: string,
  ): void {
    const { codec, payload, start, size, priority, id, cost, byReference, value } = message;
    const flow = priority * 64 + message.flow;
    const subscription = this.#members.choose(entry, group, flow);
    const data =
      subscription === undefined
        ? REJECTED
        : byReference
          ? value
          : this.#decode(subscription, entry, codec, payload, start, start + size, self);
    if (subscription === undefined || data === REJECTED) {
      account.returned(cost, true);
      return;
    }
    const { name } = entry;
    const received = new ReceivedMessage(name, data, self, 'local', PRIORITIES[priority], id, headers, undefined);
    this.#members.give(entry, subscription, received, priority, flow, account, cost, true, message.expiry);
  }

  #decode(
    subscription: ActiveSubscription,
    entry: TopicEntry,
    codec: number,
    buffer: FrameBuffer,
    start: number,
    end: number,
    from: PeerInfo,
  ): unknown {
    try {
      const data = this.#host.codecs.decode(codec, buffer, start, end);
      return subscription.schema === undefined
        ? data
        : validate(subscription.schema, data, `message ${entry.name} from ${from.name}`);
    } catch (error) {
      this.#host.counters.invalid++;
      this.#host.rejected(located(error, `message ${entry.name} from ${from.name}`));
      return REJECTED;
    }
  }
}

const REJECTED = Symbol('rejected');

class ReceivedMessage implements Message {
  readonly topic: string;
  readonly data: unknown;
  readonly from: PeerInfo;
  readonly via: string;
  readonly priority: Message['priority'];
  readonly id: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly transitMicros: number | undefined;

  constructor(
    topic: string,
    data: unknown,
    from: PeerInfo,
    via: string,
    priority: Message['priority'],
    id: number,
    headers: Readonly<Record<string, string>> | undefined,
    transitMicros: number | undefined,
  ) {
    this.topic = topic;
    this.data = data;
    this.from = from;
    this.via = via;
    this.priority = priority;
    this.id = id;
    this.headers = headers;
    this.transitMicros = transitMicros;
  }
}

/** The codec or schema knows what is wrong; the reader needs to know with which message. */
function located(error: unknown, where: string): BusError {
  if (!isBusError(error)) return new BusError('DECODE_FAILED', String(error), { where, cause: error });
  if (error.code !== 'DECODE_FAILED') return error;
  return new BusError('DECODE_FAILED', error.what, { where, remedy: error.remedy, cause: error });
}
