import { type Clock, KIND } from '../contract/index.ts';
import type { CreditAccount } from '../credit.ts';
import type { Encoder } from '../delivery/encoder.ts';
import type { Arrival } from '../delivery/held-delivery.ts';
import type { LocalTarget } from '../delivery/local-target.ts';
import type { Outgoing, Shipment } from '../delivery/outgoing.ts';
import { groupLabel } from '../interest/group-label.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { Limits } from '../limits.ts';
import type { Link } from '../link/link.ts';
import { NO_BYTES, ON_FULL } from '../link/out-message.ts';
import type { TurnEnd } from '../link/turn-end.ts';
import type { ActiveSubscription } from '../subscription.ts';
import { Processing, type ProcessingHost, type Refusal } from './processing.ts';
import { encodeIds, MAX_RECEIPT_IDS } from './receipt-ids.ts';
import { RecentMessages, Remembered } from './recent-messages.ts';

/** Characters of a refusal's reason: the sender keeps that of every attempt. */
const MAX_REASON_LENGTH = 500;
const NO_WORDS = new Uint8Array(0);

const TOO_LATE: Refusal = { reason: 'its time passed', retryIn: 0 };

export interface ReceiptsHost {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly encoder: Encoder;
  readonly local: LocalTarget;
  readonly outgoing: Outgoing;
  readonly turnEnd: TurnEnd;
}

/** The name under which a sender is told of its messages. */
interface Label {
  /** Undefined: the own bus. */
  readonly link: Link | undefined;
  readonly entry: TopicEntry;
  readonly group: string | undefined;
}

/** One sender's messages of one topic, or of one group's part of it: what is to be said about them, and where. */
export class Sender implements ProcessingHost, Label {
  readonly recent: RecentMessages;
  /** Ids to be confirmed at the end of the turn. */
  readonly due: number[] = [];
  readonly entry: TopicEntry;
  readonly group: string | undefined;
  readonly link: Link | undefined;
  readonly #receipts: Receipts;

  constructor(
    receipts: Receipts,
    link: Link | undefined,
    entry: TopicEntry,
    group: string | undefined,
    remembered: Remembered,
    idle: () => void,
  ) {
    this.#receipts = receipts;
    this.link = link;
    this.entry = entry;
    this.group = group;
    this.recent = new RecentMessages(remembered, idle);
  }

  /** True for a message that is at work here already, or was processed: then its sender is told again. */
  knows(id: number): boolean {
    if (this.recent.isOpen(id)) return true;
    if (!this.recent.isProcessed(id)) return false;
    this.#receipts.processed(this, id);
    return true;
  }

  /** Begins with a message that is not known; `account` gets its credit back when all are done with it. */
  begin({ id, cost, reliable, expiry }: Arrival, account: CreditAccount, isForMany: boolean): Processing {
    const before = this.recent.processedBy(id);
    const processedBy = isForMany || before !== undefined ? new Set<ActiveSubscription>(before) : undefined;
    const processing = new Processing(this, id, account, cost, reliable, expiry, processedBy);
    this.recent.begun(processing);
    return processing;
  }

  decided(processing: Processing, refusal: Refusal | undefined): void {
    const { id } = processing;
    const now = this.#receipts.now();
    if (refusal === undefined) {
      this.recent.processed(processing, now);
      this.#receipts.processed(this, id);
    } else {
      this.recent.failed(processing, now);
      this.#receipts.refuse(this, id, refusal);
    }
  }
}

/**
 * The receiving side of `acknowledged`: knows what is at work here and what was processed not long ago, and tells senders.
 * Receipts travel under the name of what they confirm, as reliable messages of their own: all of a turn in one.
 */
export class Receipts {
  readonly #host: ReceiptsHost;
  /** Each with something at work or remembered, by link - the own bus's by its target - and label. */
  readonly #senders = new WeakMap<Link | LocalTarget, Map<string, Sender>>();
  readonly #due: Sender[] = [];
  readonly #remembered = new Remembered();

  constructor(host: ReceiptsHost) {
    this.#host = host;
  }

  now(): number {
    return this.#host.clock.now();
  }

  /** Whose message it is. */
  of({ link, entry, group }: Label): Sender {
    const peer = link ?? this.#host.local;
    const labels = this.#senders.get(peer) ?? new Map<string, Sender>();
    const label = group === undefined ? entry.name : groupLabel(entry.name, group);
    const known = labels.get(label);
    if (known !== undefined) return known;
    const sender = new Sender(this, link, entry, group, this.#remembered, () => labels.delete(label));
    this.#senders.set(peer, labels.set(label, sender));
    return sender;
  }

  processed(sender: Sender, id: number): void {
    if (sender.due.length === 0) {
      this.#due.push(sender);
      this.#host.turnEnd.sendReceipts(this);
    }
    sender.due.push(id);
  }

  /** A message came too late to be looked at. */
  expired(link: Link, entry: TopicEntry, group: string | undefined, id: number): void {
    this.refuse({ link, entry, group }, id, TOO_LATE);
  }

  refuse(to: Label, id: number, refusal: Refusal): void {
    const shipment = receiptShipment(to);
    const { reason, retryIn } = refusal;
    for (const said of [{ reason: reason.slice(0, MAX_REASON_LENGTH), retryIn }, NO_WORDS]) {
      try {
        this.#host.encoder.into(shipment, said, `refusal of ${to.entry.name}`);
        break;
      } catch {
        // A codec of the application's may know nothing but its own messages; no words always can be sent.
      }
    }
    this.#send(to, KIND.NACK, id, shipment);
  }

  /** The end of a turn. */
  send(): void {
    const most = Math.min(MAX_RECEIPT_IDS, Math.max(1, this.#host.limits.maxMessageBytes >> 3));
    for (const sender of this.#due.splice(0)) {
      const ids = sender.due.splice(0);
      for (let from = 0; from < ids.length; from += most) {
        const shipment = receiptShipment(sender);
        const bytes = encodeIds(ids, from, Math.min(ids.length, from + most));
        this.#host.encoder.into(shipment, bytes, `receipt of ${sender.entry.name}`);
        this.#send(sender, KIND.RECEIPT, 0, shipment);
      }
    }
  }

  #send({ link, entry, group }: Label, kind: number, id: number, shipment: Shipment): void {
    const { outgoing, local } = this.#host;
    if (link === undefined) {
      const topic = group === undefined ? local.topic(entry) : local.topic(entry, group, groupLabel(entry.name, group));
      outgoing.sendTo(local, topic, kind, id, shipment, undefined);
    } else if (!link.ended) {
      const topic = link.outbound.topic(entry.name, entry.hash, group);
      outgoing.sendTo(link.outbound, topic, kind, id, shipment, undefined);
    }
  }
}

/** Urgent: by receipts the sender knows who has room. */
function receiptShipment({ entry }: Label): Shipment {
  return {
    payload: NO_BYTES,
    start: 0,
    size: 0,
    codec: 0,
    priority: 1,
    reliable: true,
    acknowledged: undefined,
    flow: entry.hash,
    keyed: false,
    headers: undefined,
    expiry: 0,
    via: undefined,
    onFull: ON_FULL.WAIT,
    lent: undefined,
    value: undefined,
    byReference: false,
  };
}
