import {
  BACK_PRESSURED,
  type BusError,
  CLOSED,
  copyAligned,
  FLAG,
  fromSystemError,
  HEADER_BYTES,
  KIND,
  NOT_CONNECTED,
  OK,
  SECTION,
  type Sender,
  type TimerHandle,
  type TransportCapabilities,
  writeFrameHeader,
} from '../contract/index.ts';
import { RouteFigures } from '../selector/route-figures.ts';
import type { Candidate, RouteState } from '../selector/select.ts';
import { ROUTE, SENT } from '../stats/channels.ts';
import type { LinkHost } from './host.ts';
import type { LentPayload } from './lent-payload.ts';
import type { Link } from './link.ts';
import { complete, describeControl, describePiece, describeWhole, header } from './message-header.ts';
import type { OutMessage } from './out-message.ts';
import { MAX_REFERENCE_BYTES, writeReference } from './reference.ts';
import type { CommonTransport } from './route-set.ts';
import { Tallies } from './tallies.ts';
import { Unconfirmable } from './unconfirmable.ts';
import { Window } from './window.ts';

/** Room that stays free for frames which must pass whatever is queued. */
const CONTROL_RESERVE_BYTES = 4096;
/** One message in so many carries its send time, for latency figures: no clock on every message. */
const SAMPLE_MASK = 63;
const SAMPLED_TIME_BYTES = 8;
/** Message id of a ping whose answer nobody waits for. */
const PROBE = 0;
const NO_PAYLOAD = new Uint8Array(0);
/** A route that takes longer to connect holds up no messages that others can carry. */
const CONNECT_PATIENCE_MS = 100;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5000;
/** The peer cannot be told where a payload is: it gets the payload. */
const NOT_GIVEN = -1;

/**
 * One transport towards one peer: connects on first use, writes messages as frames, keeps those not yet confirmed,
 * and hands them back for replay when the medium closes.
 */
export class Route implements Candidate {
  readonly transport: string;
  readonly capabilities: TransportCapabilities;
  /** Where it stands among the link's routes; a later one may have it again. */
  readonly index: number;
  state: RouteState = 'idle';
  trouble: string | undefined;
  /** Another with every connection of any route of the link: what the peer learnt (topic names) is good for one. */
  session = 0;
  /** Connections so far. */
  sessions = 0;
  /** Written and not yet confirmed, in commit order. */
  readonly window: Window;
  readonly unconfirmable = new Unconfirmable();
  /** A frame found no room; until there is some, only critical messages try. */
  waitsForRoom = false;
  /** Since when, in ms of the clock. */
  fullSince = 0;
  /** How often a frame found none. */
  refusals = 0;
  /** Messages written, by priority: the first of each is sampled, so that rare ones are too. */
  readonly sent = new Int32Array(5);
  readonly figures = new RouteFigures();
  /** How often each rule chose it. */
  readonly tallies = new Tallies();
  /** Queued at the end of the turn for `flush`. */
  flushQueued = false;

  readonly #link: Link;
  readonly #host: LinkHost;
  readonly #common: CommonTransport;
  #sender: Sender | undefined;
  /** Frames of this session; the medium's own confirmation counts them, too. */
  #frames = 0;
  #framesBefore = 0;
  /** Bytes of all frames, those written again included. */
  bytesSent = 0;
  #frameLimit = 0;
  #bulkReserve = 0;
  #waitsForConfirm = false;
  #retryMs = FIRST_RETRY_MS;
  #abort: AbortController | undefined;
  /** Until it is late. */
  #patience: TimerHandle | undefined;
  /** See `Candidate.late`. */
  late = false;
  /** It is out of use for good. */
  leaving = false;

  constructor(link: Link, host: LinkHost, index: number, common: CommonTransport) {
    this.#link = link;
    this.#host = host;
    this.index = index;
    this.#common = common;
    this.transport = common.name;
    this.capabilities = common.capabilities;
    this.window = new Window(link);
  }

  /** It connects to the inbox that `common` speaks of. */
  leadsTo({ name, medium, address }: CommonTransport): boolean {
    return this.#common.name === name && this.#common.medium === medium && this.#common.address === address;
  }

  #enter(state: RouteState, trouble?: string): void {
    this.#patience?.cancel();
    this.late = false;
    this.state = state;
    this.trouble = trouble;
    if (ROUTE.hasSubscribers) this.#host.diagnostics.route(this.#link.peer, this.transport, state, trouble);
  }

  /** Its receiver polls at this moment: a frame is seen without waking anybody. */
  get awake(): boolean {
    return this.#sender?.awake === true;
  }

  /** Starts connecting an idle route. The link hears `routeChanged` when it is up or down. */
  open(): void {
    if (this.state !== 'idle') return;
    this.#enter('connecting', this.trouble);
    this.#abort = new AbortController();
    this.#patience = this.#host.clock.setTimer(() => {
      this.late = true;
      this.#link.routeChanged(this);
    }, CONNECT_PATIENCE_MS);
    const { medium, address } = this.#common;
    medium.connect(address, this.#link.peer, this.#abort.signal).then(
      (sender) => this.#opened(sender),
      (error: unknown) => this.#failed(fromSystemError(error, `connecting ${this.transport}`, address)),
    );
  }

  #opened(sender: Sender): void {
    if (this.state !== 'connecting') {
      sender.close().catch(() => {});
      return;
    }
    this.#sender = sender;
    this.session = this.#link.nextSession();
    this.sessions++;
    // What a session before waited for, nobody will tell it.
    this.waitsForRoom = false;
    this.#waitsForConfirm = false;
    this.#framesBefore += this.#frames;
    this.#frames = 0;
    this.#retryMs = FIRST_RETRY_MS;
    const room = Math.min(this.capabilities.bufferBytes, this.#host.limits.unwrittenBytes);
    this.#bulkReserve = room >> 3;
    this.#frameLimit = Math.min(
      this.capabilities.maxFrameLength,
      this.capabilities.preferredFragment + HEADER_BYTES,
      room >> 1,
    );
    this.#enter('up');
    sender.onClose((reason) => this.#failed(reason));
    this.#link.routeChanged(this);
  }

  #failed(reason: BusError): void {
    if (this.state === 'down') return;
    this.#enter('down', reason.message);
    this.figures.failed(this.#host.clock.now());
    this.#sender = undefined;
    this.waitsForRoom = false;
    this.#waitsForConfirm = false;
    this.#host.logger.debug(`route ${this.transport} to ${this.#link.peer.name} closed`, { reason: reason.message });
    this.#link.routeLost(this);
    this.window.tellEmpty();
    if (this.leaving) return;
    const retryMs = this.#retryMs * (0.5 + Math.random());
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#host.clock.setTimer(() => {
      if (this.state !== 'down' || this.#link.ended) return;
      this.#enter('idle', this.trouble);
      this.#link.routeChanged(this);
    }, retryMs);
  }

  /** Nothing new is written to it, but answers where no other route takes them. What it has begun goes elsewhere from its start. */
  leave(): void {
    this.leaving = true;
    if (this.state === 'up') this.#enter('leaving', 'it is being removed');
    else if (this.state !== 'down') void this.close();
  }

  /** Gives the medium up: what it has not confirmed goes over others. */
  abandon(reason: BusError): void {
    const sender = this.#sender;
    if (sender === undefined) return;
    this.#failed(reason);
    sender.close().catch(() => {});
  }

  /** Closes for good or until the link is back; unconfirmed messages stay in `window` for the link to decide. */
  async close(): Promise<void> {
    const sender = this.#sender;
    this.#sender = undefined;
    this.#abort?.abort();
    this.#enter('down', 'the link is closed');
    if (sender !== undefined) await sender.close();
  }

  /** After the link came back: the route may connect again. */
  revive(): void {
    if (this.state !== 'down' || this.leaving) return;
    this.#enter('idle');
  }

  /** Frames of all sessions, those written again included. */
  get framesSent(): number {
    return this.#framesBefore + this.#frames;
  }

  flush(): void {
    this.flushQueued = false;
    this.#sender?.flush();
  }

  /**
   * Writes `message`, whole or the fragments there is room for.
   *
   * | allocates                       | blocks | syscalls             | callable from    |
   * | no (fragments: one view each)   | no     | 0 (the end of a turn)| the bus's thread |
   *
   * @returns OK when its last frame is committed; BACK_PRESSURED when it must be offered again (the link's pump is
   * called when there is room); CLOSED when the medium is gone.
   */
  write(message: OutMessage): number {
    const sender = this.#sender;
    if (sender === undefined) return CLOSED;
    const topic = message.topic;
    const isNamed = topic.announced[this.index] !== this.session || !this.capabilities.lossless;
    const head = describeWhole(message, isNamed, (this.sent[message.priority] & SAMPLE_MASK) === 0);
    if (message.lent !== undefined && message.written === 0 && this.#link.opens(message.lent.transport)) {
      const result = this.#writeReference(sender, message, message.lent, head);
      if (result !== NOT_GIVEN) return result;
    }
    const { size } = message;
    const length = head + size;
    if (message.written > 0 || length > this.#frameLimit) return this.#writeFragments(sender, message);
    if (!this.#claim(sender, length, message.priority)) return this.#refusal(sender);
    header.length = length;
    this.#writeHeader(sender, message);
    copyAligned(message.payload, message.start, sender.frame, sender.offset + head, size);
    sender.commit();
    topic.announced[this.index] = this.session;
    this.sent[message.priority]++;
    this.#finish(message);
    return OK;
  }

  /** Tells the peer where the payload is. What may be lost is not: nobody would let go of it. */
  #writeReference(sender: Sender, message: OutMessage, lent: LentPayload, head: number): number {
    if (!this.capabilities.lossless) return NOT_GIVEN;
    if (!this.#claim(sender, head + MAX_REFERENCE_BYTES, message.priority)) return this.#refusal(sender);
    const descriptor = lent.regions.export(lent.slab, this.#link.peer);
    if (descriptor === undefined) {
      sender.abort();
      // The next one, perhaps: who has met over it can open what the other lends.
      this.#link.connect(lent.transport);
      return NOT_GIVEN;
    }
    const { buffer, bytes } = writeReference(lent.transport, descriptor);
    header.flags |= FLAG.BY_REF;
    header.length = head + bytes;
    this.#writeHeader(sender, message);
    copyAligned(buffer, 0, sender.frame, sender.offset + head, bytes);
    sender.commit(header.length);
    message.topic.announced[this.index] = this.session;
    this.sent[message.priority]++;
    this.#finish(message);
    return OK;
  }

  #writeFragments(sender: Sender, message: OutMessage): number {
    const total = message.size;
    const topic = message.topic;
    message.route = this;
    for (;;) {
      const first = message.written === 0;
      const head = describePiece(message, first);
      const piece = Math.min(total - message.written, Math.max(8, (this.#frameLimit - head) & ~7));
      const last = message.written + piece === total;
      if (!this.#claim(sender, head + piece, message.priority)) return this.#refusal(sender);
      if (last) header.flags |= FLAG.LAST;
      header.length = head + piece;
      this.#writeHeader(sender, message);
      copyAligned(message.payload, message.start + message.written, sender.frame, sender.offset + head, piece);
      sender.commit();
      this.#host.turnEnd.flushRoute(this);
      if (first) topic.announced[this.index] = this.session;
      message.written += piece;
      if (last) {
        this.#finish(message);
        return OK;
      }
      this.#frames++;
    }
  }

  /** The share of critical and of the control kinds is kept free by asking for more room than the frame needs. */
  #claim(sender: Sender, length: number, priority: number): boolean {
    const wanted = length + (priority === 0 ? CONTROL_RESERVE_BYTES : this.#bulkReserve);
    if (sender.writableBytes < wanted) {
      // What a batching medium still holds may be all that is in the way.
      sender.flush();
      if (sender.writableBytes < wanted) return false;
    }
    return sender.tryClaim(length) === OK;
  }

  #refusal(sender: Sender): number {
    if (this.#sender !== sender) return CLOSED;
    if (!this.waitsForRoom) {
      this.waitsForRoom = true;
      this.fullSince = this.#host.clock.now();
      this.refusals++;
      sender.onWritable(this.#roomReturned);
    }
    return BACK_PRESSURED;
  }

  readonly #roomReturned = (): void => {
    this.waitsForRoom = false;
    this.#link.roomReturned();
  };

  #writeHeader(sender: Sender, message: OutMessage): void {
    if (message.sequence === 0) message.sequence = this.#link.outbound.flows.next(message);
    if (!message.reliable && this.#link.outbound.flows.isPassable(message)) header.sections |= SECTION.PASSABLE;
    complete(message, this.#host.clock);
    writeFrameHeader(sender.frame, sender.offset, header, message.headers);
    this.bytesSent += header.length;
  }

  #finish(message: OutMessage): void {
    message.ordinal = ++this.#frames;
    message.route = undefined;
    message.carriedBy = this.transport;
    if (SENT.hasSubscribers) this.#host.diagnostics.sent(message, this.transport);
    this.#host.turnEnd.flushRoute(this);
    if (!this.#link.watched) this.#link.watch();
    this.#link.outbound.sent(message, this.capabilities.lossless);
    if (!message.reliable) {
      this.unconfirmable.sent(message);
      this.#link.outbound.settleDelivered(message);
      return;
    }
    this.window.push(message);
    if (this.capabilities.confirms !== 'none' && !this.#waitsForConfirm) this.#awaitConfirm();
  }

  #awaitConfirm(): void {
    this.#waitsForConfirm = true;
    this.#sender?.onConfirmed(this.#confirmed);
  }

  readonly #confirmed = (): void => {
    this.#waitsForConfirm = false;
    const sender = this.#sender;
    if (sender === undefined) return;
    this.window.confirmFrames(sender.confirmed('copied'));
    if (this.window.first !== undefined) this.#awaitConfirm();
  };

  /** A frame that tells the receiver nothing but when it left: it will say how long it took. */
  probe(): void {
    if (!this.waitsForRoom) this.writeControl(KIND.PING, PROBE, NO_PAYLOAD, true);
  }

  /** Writes a control frame; false when there is no room or no connection now. */
  writeControl(kind: number, messageId: number, payload: Uint8Array, isSampled = false): boolean {
    const sender = this.#sender;
    if (sender === undefined) return false;
    const length = HEADER_BYTES + payload.length + (isSampled ? SAMPLED_TIME_BYTES : 0);
    const result = sender.tryClaim(length);
    if (result !== OK) {
      if (result === BACK_PRESSURED || result === NOT_CONNECTED) this.#refusal(sender);
      return false;
    }
    describeControl(kind, messageId, length, isSampled ? this.#host.clock.now() * 1000 : 0);
    sender.frame.u8.set(payload, writeFrameHeader(sender.frame, sender.offset, header));
    sender.commit();
    this.#frames++;
    this.bytesSent += length;
    this.#host.turnEnd.flushRoute(this);
    return true;
  }
}
