import { FLOWS_PER_LINK, KIND } from '../contract/index.ts';
import type { LinkHost } from './host.ts';
import type { InRoute } from './in-route.ts';
import type { InTopic } from './in-topic.ts';
import type { Link } from './link.ts';
import { encodeMeasured } from './measured.ts';
import { PairWriter } from './pairs.ts';
import { type StreamAccount, StreamReports } from './stream-reports.ts';

/** Credit is reported once so much is taken: rarely enough to be cheap, early enough that a window never runs dry. */
const TOPIC_REPORT_SHARE = 4;
const LINK_REPORT_SHARE = 16;

/** Reused: a control frame is copied into the medium before the next is made. */
const confirmPairs = new PairWriter(1);
const creditPairs = new PairWriter(2);

/**
 * What one peer is owed for what it sent: confirmation of its flows, and credit. Both are cumulative, so a late or
 * repeated answer does no harm; they leave as one frame each at the end of a turn.
 */
export class Answers {
  readonly #link: Link;
  readonly #host: LinkHost;
  /** Next sequence expected, by flow index. */
  readonly #next: Float64Array;
  readonly #streams: StreamReports;
  readonly #isDue = new Uint8Array(FLOWS_PER_LINK);
  /** Flows whose confirmation is due: the first `#flowCount`. */
  readonly #flows = new Uint16Array(FLOWS_PER_LINK);
  #flowCount = 0;
  /** Topics whose credit is due. */
  readonly #topics: InTopic[] = [];
  /** Topics that were ever credited. */
  readonly #known = new Set<InTopic>();
  #linkTaken = 0;
  #linkReported = 0;
  #isLinkAsked = false;
  /** Routes whose senders are to hear how long their messages took. */
  readonly #measured = new Set<InRoute>();

  constructor(link: Link, host: LinkHost, next: Float64Array) {
    this.#link = link;
    this.#host = host;
    this.#next = next;
    this.#streams = new StreamReports(link);
  }

  /** The peer is to hear how long what came over `route` took. */
  report(route: InRoute): void {
    this.#measured.add(route);
    this.#host.turnEnd.answerLink(this.#link);
  }

  /** Everything of `flow` up to what is expected next has been copied. */
  confirm(flow: number): void {
    if (this.#isDue[flow] !== 0) return;
    this.#isDue[flow] = 1;
    this.#flows[this.#flowCount++] = flow;
    this.#host.turnEnd.answerLink(this.#link);
  }

  /** The subscriptions have taken a message: its credit goes back. */
  credit(topic: InTopic, cost: number, reliable: boolean): void {
    if (topic.taken === 0) this.#known.add(topic);
    topic.taken += cost;
    const step = this.#host.limits.topicCredit / TOPIC_REPORT_SHARE;
    if (topic.asked || topic.taken - topic.reported >= step) this.#report(topic);
    if (!reliable) return;
    this.#linkTaken += cost;
    if (this.#isLinkDue()) this.#host.turnEnd.answerLink(this.#link);
  }

  /** The consumer of a stream has taken so much that the peer must hear of it. */
  reportStream(stream: StreamAccount): void {
    this.#streams.report(stream);
    this.#host.turnEnd.answerLink(this.#link);
  }

  /** The stream has ended. */
  forgetStream(stream: StreamAccount): void {
    this.#streams.forget(stream);
  }

  /** The sender closed the account of `topic`. */
  forget(topic: InTopic): void {
    this.#known.delete(topic);
    const at = this.#topics.indexOf(topic);
    if (at >= 0) this.#topics.splice(at, 1);
  }

  /** The peer waits for credit on `topic`, of which it has heard that so much was taken. */
  asked(topic: InTopic, heard: number): void {
    topic.asked = true;
    if (topic.taken > heard) this.#report(topic);
  }

  /** The same for credit of the link. */
  linkAsked(heard: number): void {
    this.#isLinkAsked = true;
    this.#linkReported = Math.min(this.#linkReported, heard);
    if (this.#isLinkDue()) this.#host.turnEnd.answerLink(this.#link);
  }

  #report(topic: InTopic): void {
    if (topic.reportQueued) return;
    topic.reportQueued = true;
    this.#topics.push(topic);
    this.#host.turnEnd.answerLink(this.#link);
  }

  /** A method: V8 calls private getters through its runtime. */
  #isLinkDue(): boolean {
    const step = this.#isLinkAsked ? 1 : this.#host.limits.linkCredit / LINK_REPORT_SHARE;
    return this.#linkTaken - this.#linkReported >= step;
  }

  /** A route was lost, and maybe answers with it: confirmation and credit are told again; both are cumulative. */
  repeat(): void {
    for (let flow = 0; flow < FLOWS_PER_LINK; flow++) if (this.#next[flow] > 1) this.confirm(flow);
    for (const topic of this.#known) this.#report(topic);
    this.#streams.repeat();
    this.#linkReported = Number.NEGATIVE_INFINITY;
    this.#host.turnEnd.answerLink(this.#link);
  }

  /** Something is owed. */
  get due(): boolean {
    return this.#flowCount > 0 || this.#topics.length > 0 || this.#streams.due || this.#isLinkDue();
  }

  /** Sends what is owed: one confirm and one credit frame, and one about streams. What finds no room stays owed. */
  send(): void {
    if (this.#flowCount > 0 && this.#sendConfirm()) {
      for (let i = 0; i < this.#flowCount; i++) this.#isDue[this.#flows[i]] = 0;
      this.#flowCount = 0;
    }
    if ((this.#topics.length > 0 || this.#isLinkDue()) && this.#sendCredit()) {
      for (const topic of this.#topics) {
        topic.reported = topic.taken;
        topic.reportQueued = false;
        topic.asked = topic.group !== undefined;
      }
      this.#topics.length = 0;
      this.#linkReported = this.#linkTaken;
      this.#isLinkAsked = false;
    }
    this.#streams.send();
    if (this.#measured.size > 0) this.#sendMeasured();
  }

  /** Once, if there is room: an estimate that comes late says little. */
  #sendMeasured(): void {
    const now = this.#host.clock.now();
    const measured = [...this.#measured].flatMap((route) =>
      route.takeRecent(now).map((report) => ({ transport: route.transport, ...report })),
    );
    this.#measured.clear();
    this.#link.report(KIND.MEASURED, encodeMeasured(measured));
  }

  #sendConfirm(): boolean {
    confirmPairs.reset(this.#flowCount);
    for (let i = 0; i < this.#flowCount; i++) {
      const flow = this.#flows[i];
      confirmPairs.add(flow, this.#next[flow] - 1);
    }
    return this.#link.sendControl(KIND.CONFIRM, 0, confirmPairs.bytes);
  }

  #sendCredit(): boolean {
    creditPairs.reset(this.#topics.length + 1);
    creditPairs.add(0, this.#linkTaken);
    for (const topic of this.#topics) creditPairs.add(topic.id, topic.taken);
    return this.#link.sendControl(KIND.CREDIT, 0, creditPairs.bytes);
  }
}
