import type { Channel } from 'node:diagnostics_channel';
import { type Clock, KIND, type PeerInfo, PRIORITIES } from '../contract/index.ts';
import type { IncomingMessage } from '../link/incoming-message.ts';
import type { OutMessage } from '../link/out-message.ts';
import type { Outcome, ReasonText } from '../outcomes.ts';
import {
  LINK,
  type LinkNotice,
  PUBLISH,
  type PublishNotice,
  QUEUED,
  type QueuedNotice,
  RECEIVED,
  type ReceivedNotice,
  ROUTE,
  type RouteNotice,
  SENT,
  SETTLED,
  type SentNotice,
  type SettledNotice,
} from './channels.ts';

/** The kind of a message, in words. */
const KIND_NAMES = Object.fromEntries(
  Object.entries(KIND).map(([name, kind]) => [kind, name.toLowerCase() as PublishNotice['kind']]),
);

const RESOLVED = Promise.resolve();

/** What is told of a delivery that has its outcome. */
type Settled = Pick<OutMessage, 'topic' | 'id' | 'kind' | 'size' | 'priority' | 'carriedBy'> & {
  readonly target: { readonly peer: PeerInfo };
};

/** What `published` is told of a message that is not yet split over its targets. */
type Published = Pick<OutMessage, 'priority' | 'size'>;

/**
 * Notices of one bus for its channels. They are taken where something happens - in the middle of a step that must not
 * be disturbed - and handed over when the step is done, in their order: a subscriber that calls the bus, or throws,
 * meets it between two steps and changes nothing of what it watches.
 *
 * Callers look at `hasSubscribers` first, so that no notice is made for nobody.
 */
export class Diagnostics {
  readonly #self: PeerInfo;
  readonly #clock: Clock;
  #due: { readonly channel: Channel; readonly notice: object }[] = [];
  #scheduled = false;

  constructor(self: PeerInfo, clock: Clock) {
    this.#self = self;
    this.#clock = clock;
  }

  published(topic: string, id: number, kind: number, message: Published, targets: number): void {
    const notice: PublishNotice = { ...this.#message(topic, id, kind, message.size, message.priority), targets };
    this.#add(PUBLISH, notice);
  }

  queued(message: OutMessage, waitsFor: QueuedNotice['waitsFor']): void {
    const notice: QueuedNotice = { ...this.#outgoing(message), peer: message.target.peer, waitsFor };
    this.#add(QUEUED, notice);
  }

  sent(message: OutMessage, via: string): void {
    const notice: SentNotice = { ...this.#outgoing(message), peer: message.target.peer, via };
    this.#add(SENT, notice);
  }

  settled(message: Settled, outcome: Outcome, reason: ReasonText | undefined): void {
    const notice: SettledNotice = {
      ...this.#outgoing(message),
      peer: message.target.peer,
      via: message.carriedBy,
      outcome,
      reason,
    };
    this.#add(SETTLED, notice);
  }

  received(peer: PeerInfo, message: IncomingMessage): void {
    const { topic, messageId, kind, size, priority, via } = message;
    const notice: ReceivedNotice = {
      ...this.#message(topic.entry.name, messageId, kind, size, priority),
      peer,
      via,
    };
    this.#add(RECEIVED, notice);
  }

  receivedLocally(message: OutMessage): void {
    const notice: ReceivedNotice = { ...this.#outgoing(message), peer: this.#self, via: 'local' };
    this.#add(RECEIVED, notice);
  }

  route(peer: PeerInfo, transport: string, state: RouteNotice['state'], trouble: string | undefined): void {
    const notice: RouteNotice = { ...this.#notice(), peer, transport, state, trouble };
    this.#add(ROUTE, notice);
  }

  link(peer: PeerInfo, state: LinkNotice['state'], reason?: ReasonText): void {
    const notice: LinkNotice = { ...this.#notice(), peer, state, reason };
    this.#add(LINK, notice);
  }

  #notice() {
    return { bus: this.#self, atMicros: this.#clock.now() * 1000 };
  }

  #message(topic: string, id: number, kind: number, bytes: number, priority: number) {
    return { ...this.#notice(), topic, id, kind: KIND_NAMES[kind], bytes, priority: PRIORITIES[priority] };
  }

  #outgoing({ topic, id, kind, size, priority }: Omit<Settled, 'target' | 'carriedBy'>) {
    return this.#message(topic.name, id, kind, size, priority);
  }

  #add(channel: Channel, notice: object): void {
    this.#due.push({ channel, notice });
    if (this.#scheduled) return;
    this.#scheduled = true;
    void RESOLVED.then(this.#handOver);
  }

  readonly #handOver = (): void => {
    const due = this.#due;
    this.#due = [];
    // A subscriber's exception goes to Node's uncaughtException, a tick later, and does not come back here.
    for (const { channel, notice } of due) channel.publish(notice);
    // What subscribers cause themselves may go on for ever; the event loop shall turn meanwhile.
    if (this.#due.length > 0) setImmediate(this.#handOver);
    else this.#scheduled = false;
  };
}
