import { BusError, type TimerHandle } from '../contract/index.ts';
import { type Adaptation, type Judged, PATIENCE_MS } from '../selector/adaptation.ts';
import { BAND_COUNT } from '../selector/bands.ts';
import type { LinkHost } from './host.ts';
import type { Link } from './link.ts';
import type { Route } from './route.ts';

/** Time between two reviews, while messages are sent. */
export const REVIEW_MS = 100;
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
  /** Another route is asked whether the peer reads at all. */
  asked: boolean;
  /** When it had answered, in ms of the clock. */
  answeredAt: number | undefined;
}

/**
 * Looks after the routes of one link that has several, ten times a second while messages go over them: has them judged,
 * probes those whose times are of interest, and gives up what is stuck while the peer reads another.
 */
export class Watch {
  /** A review will come. */
  on = false;
  readonly #link: Link;
  readonly #host: LinkHost;
  readonly #adaptation: Adaptation;
  readonly #seen = new WeakMap<Route, Seen>();
  readonly #suspects = new Map<Route, Suspect>();
  /** Priorities of which a message waits for room on a route, bit by bit. */
  readonly #waiting = new WeakMap<Route, number>();
  #timer: TimerHandle | undefined;
  #reviewedAt = 0;

  constructor(link: Link, host: LinkHost, adaptation: Adaptation) {
    this.#link = link;
    this.#host = host;
    this.#adaptation = adaptation;
  }

  /** Something is sent: a message, or the first one after a pause. */
  start(): void {
    if (this.on || this.#link.ended || this.#link.routes.length < 2) return;
    this.on = true;
    this.#reviewedAt = this.#host.clock.now();
    this.#timer = this.#host.clock.setTimer(() => this.#review(), REVIEW_MS);
  }

  stop(): void {
    this.on = false;
    this.#timer?.cancel();
    this.#suspects.clear();
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
      else if (this.#adaptation.full(judged, priority, routes, BANDS, now)) this.#link.chooseAnew();
    }, patience);
  }

  #judged(route: Route, now: number): Judged {
    const { transport, state, figures, sent, session, bytesSent, refusals } = route;
    const seen = this.#seen.get(route);
    const since = sent.map((count, priority) => count - (seen?.sent[priority] ?? 0));
    const fullMillis = route.waitsForRoom ? Math.max(0, now - route.fullSince) : 0;
    if (seen !== undefined && seen.session === session && seen.refusals !== refusals && now > this.#reviewedAt)
      figures.carried(bytesSent - seen.bytes, now - this.#reviewedAt, now);
    return { transport, isUp: state === 'up' || state === 'idle', figures, fullMillis, sent: since };
  }

  #review(): void {
    const now = this.#host.clock.now();
    const { routes } = this.#link;
    this.on = false;
    if (this.#link.ended || routes.length < 2) return;
    const judged = routes.map((route) => this.#judged(route, now));
    if (this.#adaptation.review(judged, BANDS, now)) this.#link.chooseAnew();
    for (const route of routes) this.#suspect(route, now);
    let busy = this.#suspects.size > 0;
    for (const [i, route] of routes.entries()) {
      const isUsed = judged[i].sent.some((count) => count > 0);
      busy ||= isUsed || route.window.first !== undefined || route.waitsForRoom;
      if (!isUsed && this.#adaptation.wantsProbe(route.transport)) this.#probe(route);
      const { sent, bytesSent: bytes, refusals, session, window } = route;
      this.#seen.set(route, { sent: sent.slice(), bytes, refusals, session, oldest: window.first?.ordinal ?? 0 });
    }
    if (busy) this.start();
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
    if (route.state !== 'up' || (!unmoved && !full)) {
      this.#suspects.delete(route);
      return;
    }
    const suspect = this.#suspects.get(route) ?? { since: now - REVIEW_MS, asked: false, answeredAt: undefined };
    this.#suspects.set(route, suspect);
    if (!suspect.asked) this.#askOver(this.#other(route), suspect);
    // Who comes back from a pause reads one medium after the other.
    else if (suspect.answeredAt !== undefined && now - suspect.answeredAt >= GRACE_MS)
      this.#abandon(route, now - suspect.since);
  }

  /** Another route, on which things move or nothing is. */
  #other(route: Route): Route | undefined {
    const others = this.#link.routes.filter(
      (one) => one !== route && one.capabilities.lossless && !this.#suspects.has(one),
    );
    return others.find(({ state }) => state === 'up') ?? others.find(({ state }) => state === 'idle');
  }

  #askOver(other: Route | undefined, suspect: Suspect): void {
    if (other?.state === 'idle') other.open();
    if (other?.state !== 'up') return;
    suspect.asked = true;
    void this.#link.readThrough(other).then(() => {
      // An other one that has closed brings no answer.
      if (other.state === 'up') suspect.answeredAt = this.#host.clock.now();
      else suspect.asked = false;
    });
  }

  #abandon(route: Route, ms: number): void {
    this.#suspects.delete(route);
    route.abandon(
      new BusError(
        'TRANSPORT_FAILED',
        `nothing has moved for ${Math.round(ms)} ms, while the peer reads another route`,
        {
          where: `${route.transport} to ${this.#link.peer.name}`,
        },
      ),
    );
  }
}
