import {
  BusError,
  FLAG,
  FLOWS_PER_LINK,
  type FrameBuffer,
  FrameHeader,
  isBusError,
  KIND,
  type Lease,
  readFrameHeader,
  SECTION,
  type TransportCapabilities,
  UNKNOWN_VERSION,
  verifyChecksum,
  WHOLE,
} from '../contract/index.ts';
import { bandOf } from '../selector/bands.ts';
import { Answers } from './answers.ts';
import { Assembly } from './assembly.ts';
import { ControlFrames } from './control-frames.ts';
import { parseHeaders } from './headers.ts';
import type { LinkHost } from './host.ts';
import { type Inlet, InRoute } from './in-route.ts';
import type { InTopic } from './in-topic.ts';
import { InTopics } from './in-topics.ts';
import { IncomingMessage } from './incoming-message.ts';
import type { Link } from './link.ts';
import { CREDIT_OVERHEAD } from './out-topic.ts';
import { readPairs } from './pairs.ts';
import { openReference, withPayload } from './reference.ts';
import { Resequencer } from './resequencer.ts';

/** Announced losses that one flow may have ahead of it. */
const MAX_SKIPS = 4096;
/** How long an early frame waits for others that need not come, or have taken a slower road. */
const HOLD_MS = 2;

/** Kinds that travel as messages, with a sequence: all others, and a receipt without one, are control frames. */
const MESSAGE_KINDS =
  (1 << KIND.EVENT) |
  (1 << KIND.REQUEST) |
  (1 << KIND.REPLY) |
  (1 << KIND.ERROR) |
  (1 << KIND.CHUNK) |
  (1 << KIND.END) |
  (1 << KIND.PROGRESS) |
  (1 << KIND.NACK) |
  (1 << KIND.RECEIPT);

const header = new FrameHeader();
const incoming = new IncomingMessage();

/** What arrives from one peer: restores the order of each flow, puts fragments together, answers with confirm and credit. */
export class Inbound {
  /** Next sequence expected, by flow index. */
  readonly #next = new Float64Array(FLOWS_PER_LINK).fill(1);
  readonly #early: (Resequencer | undefined)[] = new Array(FLOWS_PER_LINK).fill(undefined);
  readonly #assemblies: (Assembly | undefined)[] = new Array(FLOWS_PER_LINK).fill(undefined);
  readonly #topics: InTopics;
  #assemblyBytes = 0;
  #heldBytes = 0;
  /** By transport; rarely more than three. */
  readonly routes: InRoute[] = [];
  /** The peer broke the protocol: nothing of it is believed any more. */
  #broken = false;

  /** What brought the last frame. */
  lastRoute: InRoute | undefined;
  /** What the peer is owed: confirmation and credit. */
  readonly answers: Answers;
  readonly #control: ControlFrames;
  readonly #link: Link;
  readonly #host: LinkHost;

  constructor(link: Link, host: LinkHost) {
    this.#link = link;
    this.#host = host;
    this.answers = new Answers(link, host, this.#next);
    this.#topics = new InTopics(this.answers, host);
    this.#control = new ControlFrames(link, host, this.answers, this.#topics);
  }

  /** What comes over `transport`. */
  over(transport: string, capabilities: TransportCapabilities, inlet: Inlet): InRoute {
    let route = this.routes.find((one) => one.transport === transport);
    if (route === undefined) {
      route = new InRoute(transport, capabilities, inlet);
      this.routes.push(route);
    }
    route.inlet = inlet;
    return route;
  }

  /**
   * Takes one frame from the dispatcher. Never throws: a frame that breaks the rules is counted, and the link cut.
   *
   * | allocates                      | blocks | syscalls | callable from    |
   * | the message handed to handlers | no     | 0        | the bus's thread |
   */
  frame(buffer: FrameBuffer, offset: number, length: number, route: InRoute): void {
    route.frames++;
    route.bytes += length;
    this.lastRoute = route;
    if (this.#broken) return;
    const wrong = readFrameHeader(buffer, offset, length, header);
    if (wrong !== '') {
      if (wrong === UNKNOWN_VERSION) this.#host.counters.protocolErrors++;
      else this.#violation(wrong);
      return;
    }
    if ((header.flags & FLAG.CHECKSUM) !== 0 && !verifyChecksum(buffer, offset, length, header.flags)) {
      this.#violation('a frame does not match its checksum');
      return;
    }
    const kind = header.kind;
    if (kind > KIND.RECEIPT || (MESSAGE_KINDS & (1 << kind)) === 0 || header.sequence === 0) {
      const start = offset + header.headerLength;
      if ((header.flags & FLAG.SAMPLED_TIME) !== 0) this.#sample(route);
      if (kind === KIND.SKIP) this.#skip(buffer, start, offset + length);
      else this.#control.take(header, buffer, start, offset + length, route.transport);
      return;
    }
    // Names are learnt as frames arrive: what is held or came twice may be the only one that bears the name.
    if ((header.sections & SECTION.TOPIC_NAME) !== 0 && this.#topic() === undefined) return;
    const flow = header.priority * 64 + header.flow;
    const expected = this.#next[flow];
    if (header.sequence !== expected) {
      if (header.sequence < expected) {
        if (route.lossless && (header.sections & SECTION.BEST_EFFORT) !== 0) this.#late(buffer, offset);
        else this.#host.counters.duplicates++;
        this.answers.confirm(flow);
      } else {
        this.#sample(route);
        if ((header.flags & FLAG.BY_REF) !== 0) this.#holdReferred(flow, buffer, offset, route);
        else this.#hold(flow, buffer, offset, length, route.transport, route.lossless);
      }
      return;
    }
    if ((header.flags & FLAG.SAMPLED_TIME) !== 0) this.#sample(route);
    this.#accept(flow, buffer, offset, route.transport, route.lossless);
    if (!route.confirmsItself) this.answers.confirm(flow);
    if (this.#early[flow] !== undefined) this.#releaseEarly(flow);
  }

  /** Of a message in pieces the first bears the time: when the others leave and come says more of its size. */
  #sample(route: InRoute): void {
    if ((header.flags & FLAG.SAMPLED_TIME) === 0) return;
    const bytes = (header.flags & WHOLE) === WHOLE ? header.length - header.headerLength : header.total;
    if (route.sampled(header.sampledTime, bandOf(bytes), this.#host.clock.now())) this.answers.report(route);
  }

  /** The frame in `header` is the next of its flow. */
  #accept(flow: number, buffer: FrameBuffer, offset: number, via: string, lossless: boolean): void {
    if ((header.flags & WHOLE) !== WHOLE) {
      this.#fragment(flow, buffer, offset, via, lossless);
      return;
    }
    let lease: Lease | undefined;
    if ((header.flags & FLAG.BY_REF) !== 0) {
      lease = this.#open(buffer, offset);
      // Not taken, so that it may come again.
      if (lease === undefined) return;
    }
    this.#next[flow]++;
    this.#dropAssembly(flow);
    const topic = this.#topic();
    if (topic === undefined) lease?.release();
    if (topic === undefined) return;
    incoming.describe(header);
    incoming.priority = header.priority;
    incoming.flowIndex = flow;
    incoming.via = via;
    incoming.topic = topic;
    incoming.headers = this.#headers(buffer, offset);
    incoming.buffer = buffer;
    incoming.start = offset + header.headerLength;
    incoming.end = offset + header.length;
    incoming.lease = lease;
    // What a medium may lose takes no credit: the lost part could never be returned.
    incoming.cost = lossless ? incoming.size + CREDIT_OVERHEAD : 0;
    this.#host.reception.remote(this.#link, incoming);
    incoming.lease = undefined;
  }

  /** What the frame in `header` refers to; undefined when it is not to be had, or the link was cut for it. */
  #open(buffer: FrameBuffer, offset: number): Lease | undefined {
    try {
      return openReference(
        this.#host,
        this.#link.peer,
        buffer.u8,
        offset + header.headerLength,
        offset + header.length,
      );
    } catch (error) {
      this.#violation(isBusError(error) ? `${error.code}: ${error.what}` : String(error));
    }
    return undefined;
  }

  #headers(buffer: FrameBuffer, offset: number): Readonly<Record<string, string>> | undefined {
    if ((header.sections & SECTION.HEADERS) === 0) return undefined;
    const start = offset + header.headersOffset;
    return parseHeaders(buffer.u8, start, start + header.headersLength);
  }

  #fragment(flow: number, buffer: FrameBuffer, offset: number, via: string, lossless: boolean): void {
    let assembly = this.#assemblies[flow];
    // Replay begins again at 0, and what a dead route still brings mixes with it: the bytes are the same, so the prefix stands.
    if ((header.flags & FLAG.FIRST) !== 0 && assembly?.total !== header.total) {
      this.#dropAssembly(flow);
      const { maxMessageBytes, assemblyBytes } = this.#host.limits;
      if (header.total > maxMessageBytes || this.#assemblyBytes + header.total > assemblyBytes) {
        this.#violation(`a message of ${header.total} bytes exceeds the limit or the peer's assembly budget`);
        return;
      }
      const topic = this.#topic();
      if (topic === undefined) return;
      assembly = new Assembly(header, topic.id, this.#headers(buffer, offset));
      this.#assemblies[flow] = assembly;
      this.#assemblyBytes += header.total;
    }
    if (assembly !== undefined && assembly.total !== header.total) {
      this.#violation(`a fragment at ${header.fragmentOffset} does not continue its message`);
      return;
    }
    if (assembly === undefined || header.fragmentOffset > assembly.received) {
      this.#host.counters.duplicates++;
      return;
    }
    const start = offset + header.headerLength;
    const end = offset + header.length;
    assembly.buffer.u8.set(buffer.u8.subarray(start, end), header.fragmentOffset);
    assembly.received = Math.max(assembly.received, header.fragmentOffset + end - start);
    if (assembly.received !== assembly.total) return;
    this.#next[flow]++;
    const topic = this.#topics.numbered(assembly.topicId);
    this.#dropAssembly(flow);
    if (topic === undefined) return;
    incoming.describe(assembly);
    incoming.priority = header.priority;
    incoming.flowIndex = flow;
    incoming.via = via;
    incoming.topic = topic;
    incoming.headers = assembly.headers;
    incoming.buffer = assembly.buffer;
    incoming.start = 0;
    incoming.end = assembly.total;
    incoming.cost = lossless ? assembly.total + CREDIT_OVERHEAD : 0;
    this.#host.reception.remote(this.#link, incoming);
  }

  #dropAssembly(flow: number): void {
    const assembly = this.#assemblies[flow];
    if (assembly === undefined) return;
    this.#assemblyBytes -= assembly.total;
    this.#assemblies[flow] = undefined;
  }

  /** The topic the frame names or numbers. */
  #topic(): InTopic | undefined {
    const topic = this.#topics.of(header);
    if (typeof topic !== 'string') return topic;
    this.#violation(topic);
    return undefined;
  }

  /** A frame ahead of its turn. What it refers to is taken now: its sender counts it as copied, and need not lend it longer. */
  #holdReferred(flow: number, buffer: FrameBuffer, offset: number, { transport, lossless }: InRoute): void {
    const lease = this.#open(buffer, offset);
    if (lease === undefined) return;
    const whole = withPayload(buffer, offset, header, lease.view);
    lease.release();
    this.#hold(flow, whole, 0, header.length, transport, lossless);
  }

  #hold(flow: number, buffer: FrameBuffer, offset: number, length: number, via: string, lossless: boolean): void {
    if (this.#heldBytes + length > this.#host.limits.heldBytes) {
      this.#violation(`more than ${this.#heldBytes} bytes of frames ahead of their turn`);
      return;
    }
    let early = this.#early[flow];
    if (early === undefined) {
      early = new Resequencer();
      this.#early[flow] = early;
    }
    this.#heldBytes += length;
    const passable = !lossless || (header.sections & SECTION.PASSABLE) !== 0;
    early.hold(header.sequence, buffer, offset, length, via, lossless, passable);
    if (passable) this.#watchGap(flow, early);
  }

  #watchGap(flow: number, early: Resequencer): void {
    if (early.watched) return;
    early.watched = true;
    this.#host.clock.setTimer(() => this.#holdExpired(flow, early), HOLD_MS);
  }

  /** A gap in which nothing reliable can be missing is counted and passed; any other is closed by replay or skip. */
  #holdExpired(flow: number, early: Resequencer): void {
    early.watched = false;
    const next = early.passableTo;
    if (this.#early[flow] !== early || next === undefined || this.#link.ended) return;
    this.#host.counters.gaps += next - this.#next[flow];
    this.#next[flow] = next;
    this.#dropAssembly(flow);
    this.#releaseEarly(flow);
    if (this.#early[flow] === early && early.passableTo !== undefined) this.#watchGap(flow, early);
  }

  /** A best-effort frame for which nobody waited any more: its credit returns, and so does what it refers to. */
  #late(buffer: FrameBuffer, offset: number): void {
    this.#host.counters.late++;
    const lease = (header.flags & FLAG.BY_REF) === 0 ? undefined : this.#open(buffer, offset);
    const topic = this.#topic();
    const whole = (header.flags & WHOLE) === WHOLE ? header.length - header.headerLength : header.total;
    const bytes = lease?.view.length ?? whole;
    lease?.release();
    // A message in pieces is one to its account.
    if (topic !== undefined && (header.flags & FLAG.LAST) !== 0)
      this.answers.credit(topic, bytes + CREDIT_OVERHEAD, false);
  }

  #releaseEarly(flow: number): void {
    const early = this.#early[flow];
    if (early === undefined) return;
    for (;;) {
      const next = this.#next[flow];
      const pieces = early.take(next);
      if (pieces !== undefined) {
        for (const piece of pieces) {
          this.#heldBytes -= piece.length;
          readFrameHeader(piece.frame, 0, piece.length, header);
          if (header.sequence === this.#next[flow]) this.#accept(flow, piece.frame, 0, piece.via, piece.lossless);
          else this.#host.counters.duplicates++;
        }
        this.answers.confirm(flow);
        // Incomplete: the rest may come, or an announced loss covers it.
        if (this.#next[flow] !== next) continue;
      }
      const passed = early.passSkipped(next);
      if (passed === next) break;
      this.#host.counters.gaps += passed - next;
      this.#next[flow] = passed;
      this.#dropAssembly(flow);
    }
    if (early.isIdle(this.#next[flow])) this.#early[flow] = undefined;
  }

  /** Payload: two pairs a range, (flow, from) and (flow, to). */
  #skip(buffer: FrameBuffer, start: number, end: number): void {
    let from = -1;
    readPairs(buffer, start, end, (flow, sequence) => {
      if (flow >= FLOWS_PER_LINK) return;
      if (from < 0) {
        from = sequence;
        return;
      }
      if (sequence >= from && sequence >= this.#next[flow]) {
        const early = this.#early[flow] ?? new Resequencer();
        this.#early[flow] = early;
        if (early.skip(from, sequence) > MAX_SKIPS) this.#violation(`more than ${MAX_SKIPS} announced losses`);
        this.#releaseEarly(flow);
      }
      this.answers.confirm(flow);
      from = -1;
    });
  }

  /** The link is cut; what is left of a batch is not looked at. */
  #violation(what: string): void {
    this.#broken = true;
    this.#host.violation(
      this.#link,
      new BusError('PROTOCOL_ERROR', what, { where: `link to ${this.#link.peer.name}` }),
    );
  }
}
