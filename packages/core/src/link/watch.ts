import { BusError, type TimerHandle } from '../contract/index.ts';
import { Adaptation, type Judged, PATIENCE_MS } from '../selector/adaptation.ts';
import { BAND_COUNT } from '../selector/bands.ts';
import type { LinkHost } from './host.ts';
import type { Link } from './link.ts';
import type { Route } from './route.ts';

/** Time between two reviews, while messages are sent. */
export const REVIEW_MS = 100;
/** When messages wait so long and none gets away, every route is tried, however little is under way there. */
const STALLED_MS = 1000;
/** Once the peer is known to read, so long may pass until it has read the rest. */
const GRACE_MS = 50;
const BANDS: readonly number[] = Array.from({ length: BAND_COUNT }, (_, band) => band);

/** A route at the last review. */
interface Seen {
  readonly sent: Int32Array;
  readonly bytes: number;
  readonly refusals: number;
  /** The oldest message it had not confirmed; 0: all was. */
  readonly oldest: number;
  readonly session: number;
}

/** A route on which nothing moves. */
interface Suspect {
  readonly since: number;
  /** The peer is asked whether it runs at all. */
  asked: boolean;
  /** When it has answered, in ms of the clock. */
  answeredAt: number | undefined;
}

/**
 * Looks after the routes of one link that has several, ten times a second while messages go over them: has them judged,
 * probes those whose times are of interest, and gives up what is stuck while the peer runs.
 */
export class Watch {
  readonly adaptation: Adaptation;
  readonly #link: Link;
  readonly #host: LinkHost;
  readonly #seen = new WeakMap<Route, Seen>();
  readonly #suspects = new Map<Route, Suspect>();
  /** Routes that a ping has to pass, since when; what has no messages under way may still hold questions and answers. */
  readonly #pings = new Map<Route, number>();
  #pingedAt = 0;
  /** Priorities of which a message waits for room on a route, bit by bit. */
  readonly #waiting = new WeakMap<Route, number>();
  /** Of the review to come. */
  #timer: TimerHandle | undefined;
  #reviewedAt = 0;

  /** `targetsMicros`: see `Adaptation`. */
  constructor(link: Link, host: LinkHost, targetsMicros: readonly (number | undefined)[]) {
    this.#link = link;
    this.#host = host;
    this.adaptation = new Adaptation(targetsMicros);
  }

  /** The next review comes by itself. */
  get runs(): boolean {
    return this.#timer !== undefined;
  }

  /** Something is sent: a message, or the first one after a pause. */
  start(): void {
    if (this.runs || this.#link.ended) return;
    this.#link.watched = true;
    this.#reviewedAt = this.#host.clock.now();
    this.#timer = this.#host.clock.setTimer(() => this.#review(), REVIEW_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#suspects.clear();
    this.#pings.clear();
  }

  /** A message of `priority` finds no room on `route`. */
  blocked(route: Route, priority: number): void {
    const waiting = this.#waiting.get(route) ?? 0;
    const bit = 1 << priority;
    if ((waiting & bit) !== 0 || this.#link.routes.length < 2) return;
    this.#waiting.set(route, waiting | bit);
    const patience = PATIENCE_MS[priority];
    this.#host.clock.setTimer(() => {
      this.#waiting.set(route, (this.#waiting.get(route) ?? 0) & ~bit);
      const now = this.#host.clock.now();
      if (this.#link.ended || !route.waitsForRoom) return;
      const routes = this.#link.routes.map((one) => this.#judged(one, now));
      const judged = routes.find(({ transport }) => transport === route.transport);
      if (judged === undefined) return;
      // It had room meanwhile; a message waits again.
      if (judged.fullMillis < patience) this.blocked(route, priority);
      else if (this.adaptation.full(judged, priority, routes, BANDS, now)) this.#link.chooseAnew();
    }, patience);
  }

  #judged(route: Route, now: number): Judged {
    const { transport, state, figures, sent } = route;
    const before = this.#seen.get(route)?.sent;
    const since = sent.map((count, priority) => count - (before?.[priority] ?? 0));
    const fullMillis = route.waitsForRoom ? Math.max(0, now - route.fullSince) : 0;
    return { transport, isUp: state === 'up' || state === 'idle', figures, fullMillis, sent: since };
  }

  /** What a route carried while it was full is all that it can carry. */
  #measureThroughput({ session, refusals, bytesSent, figures }: Route, seen: Seen | undefined, now: number): void {
    if (seen === undefined || seen.session !== session || seen.refusals === refusals || now <= this.#reviewedAt) return;
    figures.carried(bytesSent - seen.bytes, now - this.#reviewedAt, now);
  }

  #review(): void {
    this.#timer = undefined;
    const now = this.#host.clock.now();
    const { routes } = this.#link;
    if (this.#link.ended || routes.length < 2) return;
    this.#link.watched = false;
    for (const route of routes) this.#measureThroughput(route, this.#seen.get(route), now);
    const judged = routes.map((route) => this.#judged(route, now));
    if (this.adaptation.review(judged, BANDS, now)) this.#link.chooseAnew();
    for (const route of routes) this.#suspect(route, now);
    const waiting = this.#link.queued.messages > 0;
    if (waiting && this.#link.stalledMillis >= STALLED_MS && now - this.#pingedAt >= STALLED_MS) this.#pingAll(now);
    let busy = waiting || this.#suspects.size > 0;
    for (const [i, route] of routes.entries()) {
      const isUsed = judged[i].sent.some((count) => count > 0);
      busy ||= isUsed || route.window.first !== undefined || route.waitsForRoom;
      if (!isUsed && this.adaptation.wantsProbe(route.transport)) this.#probe(route);
      const { sent, bytesSent: bytes, refusals, session, window } = route;
      this.#seen.set(route, { sent: sent.slice(), bytes, refusals, session, oldest: window.first?.ordinal ?? 0 });
    }
    if (busy) this.start();
  }

  #pingAll(now: number): void {
    this.#pingedAt = now;
    for (const route of this.#link.routes) {
      if (route.state !== 'up' || this.#pings.has(route)) continue;
      this.#pings.set(route, now);
      void this.#link.pings.readThrough(route).then(() => this.#pings.delete(route));
    }
  }

  /** Over a route that is stuck a probe would only wait. */
  #probe(route: Route): void {
    if (route.state === 'idle') route.open();
    else if (!this.#suspects.has(route)) route.probe();
  }

  /** Nothing has moved on `route` since the last review, though something waits there. */
  #suspect(route: Route, now: number): void {
    const seen = this.#seen.get(route);
    const oldest = route.window.first?.ordinal ?? 0;
    const unmoved = oldest > 0 && seen?.oldest === oldest && seen.session === route.session;
    const full = route.waitsForRoom && now - route.fullSince >= REVIEW_MS;
    const pinged = this.#pings.get(route);
    const silent = pinged !== undefined && now - pinged >= REVIEW_MS;
    if (route.state !== 'up' || (!unmoved && !full && !silent)) {
      this.#suspects.delete(route);
      return;
    }
    const suspect = this.#suspects.get(route) ?? { since: now - REVIEW_MS, asked: false, answeredAt: undefined };
    this.#suspects.set(route, suspect);
    if (!suspect.asked) this.#ask(suspect);
    // Who comes back from a pause reads one medium after the other.
    else if (suspect.answeredAt !== undefined && now - suspect.answeredAt >= GRACE_MS)
      this.#abandon(route, now - suspect.since);
  }

  /** Over the control connection: a peer that answers there runs, and would read the route, could it. */
  #ask(suspect: Suspect): void {
    suspect.asked = true;
    void this.#host.ask(this.#link).then((answered) => {
      if (answered) suspect.answeredAt = this.#host.clock.now();
      else suspect.asked = false;
    });
  }

  #abandon(route: Route, ms: number): void {
    this.#suspects.delete(route);
    route.abandon(
      new BusError('TRANSPORT_FAILED', `nothing has moved for ${Math.round(ms)} ms, while the peer answers`, {
        where: `${route.transport} to ${this.#link.peer.name}`,
      }),
    );
  }
}
