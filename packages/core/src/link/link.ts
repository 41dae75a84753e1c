import { KIND, type PeerInfo } from '../contract/index.ts';
import type { ReasonText } from '../outcomes.ts';
import type { Adaptation } from '../selector/adaptation.ts';
import { LINK } from '../stats/channels.ts';
import { Chooser } from './chooser.ts';
import { announceLosses, encodeSkips, type Skip } from './failover.ts';
import type { LinkHost } from './host.ts';
import type { InRoute } from './in-route.ts';
import { Inbound } from './inbound.ts';
import type { Measured } from './measured.ts';
import type { OutMessage } from './out-message.ts';
import { Outbound } from './outbound.ts';
import { Pings } from './pings.ts';
import { retire } from './retire.ts';
import type { Route } from './route.ts';
import { type CommonTransport, RouteSet } from './route-set.ts';
import { Watch } from './watch.ts';

/**
 * This participant to one peer, for as long as the peer's instance lives: survives the loss of single routes and, for
 * a while, of the control connection. Ends once (`end`), and then settles all that was under way.
 */
export class Link {
  peer: PeerInfo;
  /** Small number, unique within the bus: with a flow index it names a flow among all peers. */
  readonly index: number;
  /** The control connection is up. */
  connected = true;
  /** Gone for good. */
  ended = false;
  /** The routes are looked after, or need not be; else `watch` is called with the next message. */
  watched = true;
  /** Queued at the end of the turn for `inbound.answer`. */
  answerQueued = false;
  /** Number of the last subscribe sent, and of the last the peer has acknowledged: data waits while they differ. */
  subscribeSent = 0;
  subscribeAcked = 0;

  /** Ranges announced as lost and not confirmed yet. */
  readonly skips: Skip[] = [];

  readonly #host: LinkHost;
  /** Chooses among the routes. */
  readonly chooser: Chooser;
  readonly #routes: RouteSet;
  /** Made when there are several routes: in a large bus most links have one. */
  #watch: Watch | undefined;
  /** Resolves when those that were removed so far are closed. */
  #retired: Promise<unknown> = RETIRED;
  #sessions = 0;
  /** Made when first used: in a large bus most links never carry data. */
  #outbound: Outbound | undefined;
  #inbound: Inbound | undefined;
  readonly pings: Pings;
  readonly #debts: { readonly kind: number; readonly id: number; readonly payload: Uint8Array }[] = [];

  constructor(host: LinkHost, index: number, peer: PeerInfo, transports: readonly CommonTransport[]) {
    this.#host = host;
    this.index = index;
    this.peer = peer;
    this.#routes = new RouteSet(this, host);
    this.pings = new Pings(this);
    this.chooser = new Chooser(this, this.#routes, host.policy);
    this.#routes.update(transports);
    this.#lookAfter();
  }

  /** What is measured bends the policy's order only where there is a choice. */
  #lookAfter(): void {
    const { targetsMicros } = this.#host.policy;
    if (targetsMicros === undefined || this.routes.length < 2) {
      this.watched = true;
      return;
    }
    this.#watch ??= new Watch(this, this.#host, targetsMicros);
    this.watched = this.#watch.runs;
  }

  /** Undefined: the policy's order stands, whatever is measured. */
  get adaptation(): Adaptation | undefined {
    return this.#watch?.adaptation;
  }

  get routes(): readonly Route[] {
    return this.#routes.all;
  }

  /** See `RouteSet.hasLossy`. */
  get hasLossyRoute(): boolean {
    return this.#routes.hasLossy;
  }

  /** Messages are sent: the routes are looked after from now on. */
  watch(): void {
    this.#watch?.start();
  }

  /** Other routes are better than before, or not so good. */
  chooseAnew(): void {
    this.#routes.epoch++;
    this.pump();
  }

  /** A message of `priority` finds no room on `route`. */
  blocked(route: Route, priority: number): void {
    this.#watch?.blocked(route, priority);
  }

  /** The peer says how long what we sent took. */
  measured(told: readonly Measured[]): void {
    const now = this.#host.clock.now();
    for (const one of told) {
      for (const route of this.routes) if (route.transport === one.transport) route.figures.told(one, now);
    }
  }

  /** Transports came, or are not to be used any more; resolves when nothing is on its way over those. */
  async setTransports(common: readonly CommonTransport[]): Promise<void> {
    const gone = this.#routes.update(common);
    this.#routes.epoch++;
    this.#lookAfter();
    this.#outbound?.routesChanged();
    if (gone.length > 0) {
      const retired = Promise.all(gone.map((route) => retire(this, route, this.#host)));
      // Those of an earlier change, too.
      this.#retired = this.#retired.then(() => retired);
    }
    this.pump();
    await this.#retired;
  }

  /** The route is closed for good. */
  forget(route: Route): void {
    this.#routes.remove(route);
    this.#routes.epoch++;
    if (this.ended) return;
    const { transport } = route;
    if (!this.routes.some((one) => one.transport === transport)) this.#host.unlinked(this.peer, transport);
    this.#recover(route);
    this.#payDebts();
    this.pump();
  }

  nextSession(): number {
    return ++this.#sessions;
  }

  get outbound(): Outbound {
    this.#outbound ??= new Outbound(this, this.#host);
    return this.#outbound;
  }

  get inbound(): Inbound {
    this.#inbound ??= new Inbound(this, this.#host);
    return this.#inbound;
  }

  /** Receiving sides of the routes that have brought something. */
  get inRoutes(): readonly InRoute[] {
    return this.#inbound?.routes ?? [];
  }

  /** Messages to this peer that wait for credit or a route. */
  get queued(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#outbound?.queued ?? 0, bytes: this.#outbound?.queuedBytes ?? 0 };
  }

  /** See `Outbound.stalledMillis`. */
  get stalledMillis(): number {
    return this.#outbound?.stalledMillis ?? 0;
  }

  /** Frames received so far. */
  get framesReceived(): number {
    let frames = 0;
    for (const route of this.inRoutes) frames += route.frames;
    return frames;
  }

  /** Writes what is ready. */
  pump(): void {
    this.#outbound?.pump();
  }

  /** Data may leave: the link is up and the peer knows our subscriptions, so an effect cannot miss its cause. */
  get mayCarryData(): boolean {
    return this.connected && this.subscribeSent === this.subscribeAcked;
  }

  /** The peer can open what regions of this transport hold: both sides have it. */
  opens(transport: string): boolean {
    for (const route of this.routes) if (route.transport === transport && !route.leaving) return true;
    return false;
  }

  /** `transport` is of use though nothing is written to it. */
  connect(transport: string): void {
    for (const route of this.routes) if (route.transport === transport) route.open();
  }

  /** The reasons of all, for a refusal. */
  whyNoRoute(message: OutMessage): string {
    return this.chooser.whyNone(message, this.peer.name, this.#host.unusable(this));
  }

  /** A route came up or may be tried again. */
  routeChanged(route: Route): void {
    this.#routes.epoch++;
    if (this.ended) return;
    // An idle one is opened by what is owed.
    if (route.state !== 'down') this.#payDebts();
    this.pump();
  }

  /** A route closed by itself: what it had not confirmed goes over another one, in order. */
  routeLost(route: Route): void {
    this.#routes.epoch++;
    if (this.ended) return;
    this.#recover(route);
    this.pings.lost(route);
    this.#payDebts();
    this.pump();
  }

  /** What `route` had not confirmed is queued again; answers it may have carried in vain are owed again. */
  #recover(route: Route): void {
    const outbound = this.#outbound;
    if (outbound !== undefined) {
      outbound.replay([...drain(route)]);
      announceLosses(this, route);
    }
    this.#inbound?.answers.repeat();
  }

  /** Confirm frames moved `outbound.flows.confirmed`. */
  confirmed(): void {
    for (const { window } of this.routes) window.confirmUpTo(this.outbound.flows.confirmed);
  }

  /**
   * Writes a control frame. It goes back over the transport that brought the last frame: what the peer writes to is alive,
   * however stuck others are; else over the first that is up. Opens a route where that takes one. False: no room or no
   * route yet, the caller keeps what it owes and is asked again when there is.
   */
  sendControl(kind: number, id: number, payload: Uint8Array): boolean {
    const routes = this.#routes;
    const back = routes.backTo(this.#inbound?.lastRoute?.transport);
    if (back?.state === 'up' && back.writeControl(kind, id, payload)) return true;
    if (back === undefined || back.state === 'up' || back.late) {
      for (const route of routes.lossless) {
        if (route !== back && route.state === 'up' && route.writeControl(kind, id, payload)) return true;
      }
    }
    const other = back ?? routes.lossless.find(({ state }) => state !== 'down' && state !== 'leaving');
    if (other !== undefined) {
      if (this.connected) other.open();
      return false;
    }
    return this.#sendOverLeaving(kind, id, payload);
  }

  /** A frame that may be lost. It is worth a connection of its own only where the peer can choose between routes. */
  report(kind: number, payload: Uint8Array): void {
    const { lossless } = this.#routes;
    if (lossless.length > 1 || lossless[0]?.state === 'up') this.sendControl(kind, 0, payload);
  }

  /** What it carries last may be lost, and is told again when it has closed. */
  #sendOverLeaving(kind: number, id: number, payload: Uint8Array): boolean {
    for (const route of this.routes) {
      if (route.state !== 'leaving' || !route.capabilities.lossless) continue;
      if (route.writeControl(kind, id, payload)) return true;
    }
    return false;
  }

  /** An answer to what a peer asks: kept like a debt, but a flood of questions cannot pile answers up. */
  answer(kind: number, id: number, payload: Uint8Array): void {
    if (this.#debts.length < MAX_ANSWERS) this.owe(kind, id, payload);
  }

  /** A control frame that must arrive: kept until a route takes it. */
  owe(kind: number, id: number, payload: Uint8Array): void {
    if (this.#debts.length === 0 && this.connected && this.sendControl(kind, id, payload)) return;
    this.#debts.push({ kind, id, payload });
  }

  #payDebts(): void {
    this.pings.sendWaiting();
    while (this.#debts.length > 0) {
      const { kind, id, payload } = this.#debts[0];
      if (!this.sendControl(kind, id, payload)) return;
      this.#debts.shift();
    }
    if (this.#inbound?.answers.due === true) this.#host.turnEnd.answerLink(this);
  }

  /** `from` to `to` of a flow will not come any more: told, and told again with every route that is lost. */
  announceSkip(flow: number, from: number, to: number): void {
    if (this.skips.push({ flow, from, to }) > MAX_SKIPS) this.skips.shift();
    this.owe(KIND.SKIP, 0, encodeSkips([{ flow, from, to }]));
  }

  /** There is room again on some route. */
  roomReturned(): void {
    this.#payDebts();
    this.pump();
  }

  /** The control connection is gone, the peer not proven dead: keep everything, close the media. */
  suspend(): void {
    this.connected = false;
    if (LINK.hasSubscribers) this.#host.diagnostics.link(this.peer, 'suspended');
    for (const route of this.routes) {
      route.close().catch(() => {});
      this.#recover(route);
      this.pings.lost(route);
      route.window.tellEmpty();
    }
    this.#routes.epoch++;
  }

  /** The peer is back with its state: media connect again, unconfirmed frames are replayed. */
  resume(peer: PeerInfo): void {
    this.peer = peer;
    this.connected = true;
    if (LINK.hasSubscribers) this.#host.diagnostics.link(peer, 'resumed');
    this.subscribeAcked = this.subscribeSent;
    for (const route of this.routes) route.revive();
    this.#routes.epoch++;
    // Where nothing waits for a route, what is owed has to open one: the peer may wait for it.
    this.#payDebts();
    this.pump();
  }

  /** The peer wants something else now: who waited for room may find other targets, or none. */
  interestChanged(): void {
    this.#host.roomReturned(this);
  }

  /** The peer is no member of `group` any more, for some topics: what was not written goes to others. */
  leaveGroup(group: string): void {
    this.#outbound?.leaveGroup(group);
  }

  /** Ends for good: what is not settled ends as `outcome`. */
  async end(outcome: 'peer-gone' | 'dropped', reason: ReasonText): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.#watch?.stop();
    if (LINK.hasSubscribers) this.#host.diagnostics.link(this.peer, 'ended', reason);
    this.connected = false;
    const closing = this.routes.map((route) => {
      const messages = [...drain(route)];
      const closed = route.close();
      for (const message of messages) this.outbound.settle(message, outcome, reason);
      route.window.tellEmpty();
      return closed;
    });
    this.#outbound?.failAll(outcome, reason);
    this.pings.end();
    await Promise.allSettled(closing);
  }
}

const RETIRED: Promise<unknown> = Promise.resolve();

/** Announced losses that are kept to be told again; far more than a link has open at a time. */
const MAX_SKIPS = 1024;

/** Answers that wait for a route; further ones are dropped. */
const MAX_ANSWERS = 64;

function* drain(route: Route): Generator<OutMessage> {
  for (let message = route.window.shift(); message !== undefined; message = route.window.shift()) yield message;
}
