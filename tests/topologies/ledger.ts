import type { Delivery, Message } from '@busbar/core';
import type { Publish } from './plan.ts';

/** One publish: what was asked for, and what its publisher was told. */
export interface Sent extends Omit<Publish, 'do' | 'bus' | 'count' | 'key' | 'deadline'> {
  readonly number: number;
  readonly from: Actor;
  readonly orderKey: string | undefined;
  /** Its call may give up before its deliveries do. */
  readonly hasDeadline: boolean;
  /** ms of the clock; no handler may see it later. */
  readonly expiresAt: number;
  /** `open` until settled; `ok` with a receipt, or accepted by a publisher; else the code of the refusal. */
  result: string;
  /** Undefined without a receipt. */
  deliveries: readonly Delivery[] | undefined;
}

/** One participant, and how long it takes part. */
export interface Actor {
  readonly id: string;
  readonly name: string;
  life: 'alive' | 'closed' | 'killed';
}

/** One subscription, and what it took. */
export interface Taker {
  readonly actor: Actor;
  readonly pattern: string;
  readonly group: string | undefined;
  /** Number of the next message when it was made. */
  readonly bornAt: number;
  /**
   * By participant that knows of it: number of its next message then. All do when it is ready; one does earlier when it
   * takes what the subscriber has published since, so that an effect never misses its cause.
   */
  readonly knownTo: Map<Actor, number>;
  closed: boolean;
}

/** A message that a subscription was handed. */
export interface Taken {
  readonly taker: Taker;
  readonly sent: Sent;
  /** It was marked as sent before. */
  readonly redelivered: boolean;
  /** Its handler has refused it. */
  refused: boolean;
}

/** Something that must not be, as campaigns count it. */
export interface Finding {
  readonly kind: 'lost' | 'duplicated' | 'reordered' | 'corrupt' | 'hung' | 'wrong';
  readonly text: string;
}

/** All that was sent and taken in one world. */
export class Ledger {
  readonly sent: Sent[] = [];
  readonly takers: Taker[] = [];
  /** In the order in which it happened. */
  readonly taken: Taken[] = [];
  /** What was wrong at once, when it happened. */
  readonly findings: Finding[] = [];
  /** A member of a group closed or left: what it had goes to others, out of its order. */
  hasLeft = false;

  /** `taker` is handed `data`, at `now`. */
  take(
    taker: Taker,
    data: Uint8Array,
    { topic, from, redelivered }: Pick<Message, 'topic' | 'from' | 'redelivered'>,
    now: number,
  ): Taken | undefined {
    const number = data.length < HEAD_BYTES ? -1 : new DataView(data.slice().buffer).getUint32(0);
    const sent = this.sent[number] as Sent | undefined;
    if (
      sent === undefined ||
      sent.from.id !== from.id ||
      sent.topic !== topic ||
      !Buffer.from(contentOf(number, sent.bytes)).equals(data)
    ) {
      this.find('corrupt', `${topic} of ${data.length} bytes from ${from.name} is not what was sent as ${number}`);
      return undefined;
    }
    // What the dead do is nobody's.
    const taken = { taker, sent, redelivered, refused: false };
    if (taker.actor.life === 'killed') return taken;
    if (now > sent.expiresAt) this.find('wrong', `${nameOf(sent)} was taken ${now - sent.expiresAt} ms after its time`);
    this.taken.push(taken);
    for (const other of this.takers)
      if (other.actor === sent.from && sent.number >= other.bornAt) this.#learns(taker.actor, other);
    return taken;
  }

  /** All participants there are know of `taker`. */
  ready(taker: Taker, actors: readonly Actor[]): void {
    for (const actor of actors) this.#learns(actor, taker);
  }

  #learns(actor: Actor, taker: Taker): void {
    if (!taker.knownTo.has(actor)) taker.knownTo.set(actor, this.sent.length);
  }

  find(kind: Finding['kind'], text: string): void {
    this.findings.push({ kind, text });
  }
}

const HEAD_BYTES = 4;

/** `bytes` bytes, at least 4, that follow from the number. */
export function contentOf(number: number, bytes: number): Uint8Array {
  const content = new Uint8Array(Math.max(HEAD_BYTES, bytes));
  new DataView(content.buffer).setUint32(0, number);
  for (let i = HEAD_BYTES; i < content.length; i++) content[i] = number * 31 + i;
  return content;
}

export function nameOf({ number, from, topic, orderKey, reliability, priority, result }: Sent): string {
  const key = orderKey === undefined ? '' : ` ${orderKey}`;
  return `${number} (${reliability} ${priority} ${topic}${key} of ${from.name}, ${result})`;
}

/** Whose order is kept. */
export function flowOf({ from, priority, topic, orderKey }: Sent): string {
  return [from.id, priority, topic, orderKey].join(' ');
}
