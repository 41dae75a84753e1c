import type { Ledger } from '../acknowledged/ledger.ts';
import type { AckTerms } from '../acknowledged/terms.ts';
import type { Unacknowledged } from '../acknowledged/unacknowledged.ts';
import { BACK_PRESSURED, type FrameBuffer, KIND, OK, type SendResult } from '../contract/index.ts';
import { type Group, NOBODY, OWN_BUS } from '../interest/group.ts';
import type { Interest } from '../interest/interest.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { Limits } from '../limits.ts';
import type { LentPayload } from '../link/lent-payload.ts';
import type { Link } from '../link/link.ts';
import { ON_FULL, type OutMessage, type OutMessagePool, type Settlement, type Target } from '../link/out-message.ts';
import { CREDIT_OVERHEAD, type OutTopic } from '../link/out-topic.ts';
import type { Counters } from '../outcomes.ts';
import { PUBLISH } from '../stats/channels.ts';
import type { Diagnostics } from '../stats/diagnostics.ts';
import type { LocalTarget } from './local-target.ts';

/** Encoded bytes that stay as they are until the last delivery is settled: `size` bytes of `payload` from `start` on. */
export interface EncodedPayload {
  payload: FrameBuffer;
  /** A multiple of 8. */
  start: number;
  size: number;
  /** The codec's number. */
  codec: number;
}

/** One encoded message and what it needs, before it is split over its targets. Reused by its owner. */
export interface Shipment extends EncodedPayload {
  priority: number;
  reliable: boolean;
  /** How it is tried until its receiver has processed it; undefined: it need not say so. */
  acknowledged: AckTerms | undefined;
  flow: number;
  /** The flow is that of an order key. */
  keyed: boolean;
  headers: Uint8Array | undefined;
  /** When nobody may take it any more; see `Expiry`. */
  expiry: number;
  via: string | undefined;
  /** One of `ON_FULL`. */
  onFull: number;
  /** Where the payload is, when peers may be told instead of given it. */
  lent: LentPayload | undefined;
  /** For local subscribers by reference. */
  value: unknown;
  byReference: boolean;
}

/** From one message to its targets: the own subscriptions, every interested peer, and one member of each group. */
export class Outgoing {
  readonly #interest: Interest;
  readonly #local: LocalTarget;
  readonly #messages: OutMessagePool;
  readonly #counters: Counters;
  readonly #limits: Limits;
  readonly #diagnostics: Diagnostics;
  readonly #ledger: () => Ledger;
  #lastId = 0;

  constructor(
    interest: Interest,
    local: LocalTarget,
    messages: OutMessagePool,
    counters: Counters,
    limits: Limits,
    diagnostics: Diagnostics,
    ledger: () => Ledger,
  ) {
    this.#interest = interest;
    this.#local = local;
    this.#messages = messages;
    this.#counters = counters;
    this.#limits = limits;
    this.#diagnostics = diagnostics;
    this.#ledger = ledger;
  }

  /** A number no other message of this instance has. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** OK when every target has credit for `bytes` of payload now, else BACK_PRESSURED. Best-effort is always OK. */
  admits(
    entry: TopicEntry,
    bytes: number,
    { reliable, priority, flow, keyed }: Pick<Shipment, 'reliable' | 'priority' | 'flow' | 'keyed'>,
  ): SendResult {
    this.#interest.refresh(entry);
    if (!reliable) return OK;
    const cost = bytes + CREDIT_OVERHEAD;
    const { links, accounts } = entry;
    for (let i = 0; i < links.length; i++) {
      if (!links[i].outbound.hasCredit(accounts[i], cost, priority > 0)) return BACK_PRESSURED;
    }
    if (entry.subscriptions.length > 0 && !this.#local.hasCredit(this.#local.topic(entry), cost)) return BACK_PRESSURED;
    const { groups } = entry;
    if (groups !== undefined) {
      for (const group of groups)
        if (!this.#memberAdmits(entry, group, cost, priority, flow, keyed)) return BACK_PRESSURED;
    }
    return OK;
  }

  /** True when nobody but plain subscriptions of this bus gets what is sent now: it need not be encoded. */
  staysHere(entry: TopicEntry): boolean {
    this.#interest.refresh(entry);
    return entry.links.length === 0 && entry.groups === undefined;
  }

  #memberAdmits(
    entry: TopicEntry,
    group: Group,
    cost: number,
    priority: number,
    flow: number,
    keyed: boolean,
  ): boolean {
    const own = this.#ownAccount(entry, group);
    const chosen = group.choose(own, flow, keyed);
    return own !== undefined && chosen === OWN_BUS
      ? this.#local.hasCredit(own, cost)
      : group.links[chosen].outbound.hasCredit(group.accounts[chosen], cost, priority > 0);
  }

  /** This bus's account for its members of `group`. */
  #ownAccount(entry: TopicEntry, group: Group): OutTopic | undefined {
    return group.subscriptions.length > 0 ? this.#local.topic(entry, group.name, group.label) : undefined;
  }

  /**
   * Submits one message to each target and returns how many there were.
   *
   * | allocates          | blocks | syscalls | callable from    |
   * | no (pooled)        | no     | 0        | the bus's thread |
   */
  send(entry: TopicEntry, shipment: Shipment, settlement: Settlement | undefined): number {
    this.#interest.refresh(entry);
    const id = ++this.#lastId;
    const { links, accounts, groups } = entry;
    const isLocal = entry.subscriptions.length > 0;
    const targets = links.length + (isLocal ? 1 : 0) + (groups === undefined ? 0 : groups.length);
    if (PUBLISH.hasSubscribers) this.#diagnostics.published(entry.name, id, KIND.EVENT, shipment, targets);
    for (let i = 0; i < links.length; i++) this.#submit(links[i].outbound, accounts[i], shipment, id, settlement);
    if (isLocal) this.#submit(this.#local, this.#local.topic(entry), shipment, id, settlement);
    if (groups !== undefined) for (const group of groups) this.#toMember(entry, group, shipment, id, settlement);
    this.#counters.published++;
    if (targets === 0) this.#counters.unrouted++;
    return targets;
  }

  #toMember(entry: TopicEntry, group: Group, shipment: Shipment, id: number, settlement: Settlement | undefined): void {
    const { flow, keyed } = shipment;
    const own = this.#ownAccount(entry, group);
    const chosen = group.choose(own, flow, keyed);
    const isOwn = own !== undefined && chosen === OWN_BUS;
    const account = isOwn ? own : group.accounts[chosen];
    group.gave(account, flow, keyed);
    this.#submit(isOwn ? this.#local : group.links[chosen].outbound, account, shipment, id, settlement);
  }

  /** To how many targets `send` would give a message now; with a group, whether it has a member. */
  audience(entry: TopicEntry, group?: string): number {
    this.#interest.refresh(entry);
    if (group !== undefined) return entry.group(group) === undefined ? 0 : 1;
    return entry.links.length + (entry.subscriptions.length > 0 ? 1 : 0) + (entry.groups?.length ?? 0);
  }

  /** Submits message `id` once more: to `group`, or to everybody outside of groups. */
  again(
    entry: TopicEntry,
    group: string | undefined,
    shipment: Shipment,
    id: number,
    settlement: Settlement | undefined,
  ): void {
    this.#interest.refresh(entry);
    this.#counters.published++;
    if (group !== undefined) {
      const members = entry.group(group);
      if (members !== undefined) this.#toMember(entry, members, shipment, id, settlement);
      return;
    }
    const { links, accounts } = entry;
    for (let i = 0; i < links.length; i++) this.#submit(links[i].outbound, accounts[i], shipment, id, settlement);
    if (entry.subscriptions.length > 0) this.#submit(this.#local, this.#local.topic(entry), shipment, id, settlement);
  }

  /** Who of each group would get a message without an order key now; no link: this bus. */
  members(entry: TopicEntry): { readonly group: string; readonly link: Link | undefined }[] {
    this.#interest.refresh(entry);
    return (entry.groups ?? []).map((group) => {
      const chosen = group.choose(this.#ownAccount(entry, group), 0, false);
      return { group: group.name, link: chosen === OWN_BUS ? undefined : group.links[chosen] };
    });
  }

  /**
   * A member left or died before anything of `message`, which is in no queue, was written to it: another one gets it, as
   * the same delivery. False when there is none.
   */
  regroup(message: OutMessage): boolean {
    const { flow, keyed } = message;
    if (!this.#retargetInGroup(message, message.topic, flow, keyed)) return false;
    message.route = undefined;
    if (message.target !== this.#local) message.byReference = false;
    // It was watched where it waited, and is again where it waits now.
    message.unwatch();
    this.#hand(message);
    return true;
  }

  /** Who gets the next attempt: the same peer if it still wants it, or a member of the group. False: nobody. */
  retarget(delivery: Unacknowledged): boolean {
    const { topic, target, shipment } = delivery;
    if (topic.group !== undefined) return this.#retargetInGroup(delivery, topic, shipment.flow, shipment.keyed);
    const entry = this.#interest.entry(topic.name);
    this.#interest.refresh(entry);
    if (target === this.#local) {
      delivery.topic = this.#local.topic(entry);
      return entry.subscriptions.length > 0;
    }
    const index = entry.links.findIndex(({ outbound, ended }) => outbound === target && !ended);
    if (index >= 0) delivery.topic = entry.accounts[index];
    return index >= 0;
  }

  /** A group's message would be given to another member now than the one where it waits. */
  wouldMove({ topic, target, flow, keyed }: OutMessage): boolean {
    const chosen = this.#memberFor(topic, flow, keyed);
    return chosen !== undefined && chosen.target !== target;
  }

  #retargetInGroup(what: { topic: OutTopic; target: Target }, topic: OutTopic, flow: number, keyed: boolean): boolean {
    const chosen = this.#memberFor(topic, flow, keyed);
    if (chosen === undefined) return false;
    what.topic = chosen.account;
    what.target = chosen.target;
    chosen.group.gave(chosen.account, flow, keyed);
    return true;
  }

  /** Who of `topic`'s group gets the next message; undefined: nobody. */
  #memberFor(
    topic: OutTopic,
    flow: number,
    keyed: boolean,
  ): { group: Group; account: OutTopic; target: Target } | undefined {
    const entry = this.#interest.entry(topic.name);
    this.#interest.refresh(entry);
    const group = entry.group(topic.group as string);
    if (group === undefined) return undefined;
    const own = this.#ownAccount(entry, group);
    const chosen = group.choose(own, flow, keyed);
    if (chosen === NOBODY) return undefined;
    if (own !== undefined && chosen === OWN_BUS) return { group, account: own, target: this.#local };
    // While the bus closes, links end before their peers are forgotten.
    const link = group.links[chosen];
    return link.ended ? undefined : { group, account: group.accounts[chosen], target: link.outbound };
  }

  /** A message to one target: requests and their answers. */
  sendTo(
    target: Target,
    account: OutTopic,
    kind: number,
    id: number,
    shipment: Shipment,
    settlement: Settlement | undefined,
  ): void {
    this.#counters.published++;
    if (PUBLISH.hasSubscribers) this.#diagnostics.published(account.name, id, kind, shipment, 1);
    this.#submit(target, account, shipment, id, settlement, kind);
  }

  #submit(
    target: Target,
    account: OutTopic,
    shipment: Shipment,
    id: number,
    settlement: Settlement | undefined,
    kind: number = KIND.EVENT,
  ): void {
    if (shipment.acknowledged !== undefined) {
      this.#ledger().open(target, account, shipment, shipment.acknowledged, id, settlement);
      return;
    }
    const message = this.#message(target, account, shipment, id, settlement, kind);
    this.#counters.targets++;
    settlement?.opened(message);
    this.#hand(message);
  }

  /** One attempt of a delivery that is kept until it is acknowledged. */
  transmit(delivery: Unacknowledged): void {
    const { target, topic, shipment, id, attempts, terms } = delivery;
    const message = this.#message(target, topic, shipment, id, delivery, KIND.EVENT);
    message.acknowledged = true;
    message.redelivered = attempts > 1 || terms.isRequeued;
    // It was accepted: what its publisher would rather lose than wait for, it would have lost then.
    if (attempts > 1) message.onFull = ON_FULL.WAIT;
    delivery.opened(message);
    this.#hand(message);
  }

  #message(
    target: Target,
    account: OutTopic,
    shipment: Shipment,
    id: number,
    settlement: Settlement | undefined,
    kind: number,
  ): OutMessage {
    const message = this.#messages.take();
    message.kind = kind;
    message.priority = shipment.priority;
    message.codec = shipment.codec;
    message.reliable = shipment.reliable;
    message.flow = shipment.flow;
    message.keyed = shipment.keyed;
    message.id = id;
    message.payload = shipment.payload;
    message.start = shipment.start;
    message.size = shipment.size;
    if (shipment.lent !== undefined) {
      message.lent = shipment.lent;
      shipment.lent.retain();
    }
    message.headers = shipment.headers;
    message.expiry = shipment.expiry;
    message.topic = account;
    message.target = target;
    message.via = shipment.via;
    message.onFull = shipment.onFull;
    message.settlement = settlement;
    message.cost = kind === KIND.EVENT || kind === KIND.REQUEST ? shipment.size + CREDIT_OVERHEAD : 0;
    if (shipment.byReference && target === this.#local) {
      message.byReference = true;
      message.value = shipment.value;
    }
    return message;
  }

  #hand(message: OutMessage): void {
    const { target } = message;
    const limit = this.#limits.maxQueuedBytes;
    if (target.queuedBytes + message.size > limit) {
      target.refuse(message, `too much queued: more than ${limit} bytes are queued for this peer`);
      return;
    }
    target.submit(message);
  }
}
