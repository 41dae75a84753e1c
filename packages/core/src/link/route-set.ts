import type { PeerTransport, TransportCapabilities } from '../contract/index.ts';
import { BAND_ENDS, sizeClass } from '../selector/bands.ts';
import type { LinkHost } from './host.ts';
import type { Link } from './link.ts';
import { Route } from './route.ts';

/** A transport both sides have: what is needed to make a route. */
export interface CommonTransport {
  readonly name: string;
  readonly medium: PeerTransport;
  /** The peer's inbox. */
  readonly address: string;
  readonly capabilities: TransportCapabilities;
}

/** The routes of one link: one for every transport that both sides have now, and those that are on their way out. */
export class RouteSet {
  readonly #link: Link;
  readonly #host: LinkHost;
  /** In the order of installation. */
  all: readonly Route[] = [];
  /** Those of them that lose nothing: what carries control frames. */
  lossless: readonly Route[] = [];
  /** Names of the transports that are polled. */
  polled: readonly string[] = [];
  /** Grows whenever a route changes state, or another is better; what was chosen is good for one epoch. */
  epoch = 0;
  /** Some route may lose frames; rare, and worth a look only then. */
  hasLossy = false;
  /** Payload sizes at which a decision may change: the policy's, those of the measurements, what each route can carry. */
  #borders: readonly number[] = [];

  constructor(link: Link, host: LinkHost) {
    this.#link = link;
    this.#host = host;
  }

  /** Adds routes for what is new in `common`; returns those whose transport, or the peer's inbox, is not there any more. */
  update(common: readonly CommonTransport[]): Route[] {
    const kept: Route[] = [];
    const gone: Route[] = [];
    for (const route of this.all) {
      const stays = !route.leaving && common.some((one) => route.leadsTo(one));
      (stays ? kept : gone).push(route);
    }
    const routes = common.map((one) => kept.find((route) => route.leadsTo(one)) ?? this.#create(one));
    this.#set([...routes, ...gone]);
    return gone.filter(({ leaving }) => !leaving);
  }

  /** The lossless route over `transport`, if one could carry something. */
  backTo(transport: string | undefined): Route | undefined {
    for (const route of this.lossless) {
      if (route.transport === transport && route.state !== 'down' && route.state !== 'leaving') return route;
    }
    return undefined;
  }

  remove(route: Route): void {
    this.#set(this.all.filter((one) => one !== route));
  }

  #create(common: CommonTransport): Route {
    let index = 0;
    while (this.all.some((route) => route.index === index)) index++;
    const route = new Route(this.#link, this.#host, index, common);
    // So that the next one takes another place.
    this.all = [...this.all, route];
    return route;
  }

  #set(routes: readonly Route[]): void {
    this.all = routes;
    this.lossless = routes.filter(({ capabilities }) => capabilities.lossless);
    this.polled = routes.filter(({ capabilities }) => capabilities.wakeup === 'poll').map(({ transport }) => transport);
    this.hasLossy = this.lossless.length < routes.length;
    const { borders, targetsMicros } = this.#host.policy;
    const measured = targetsMicros === undefined ? [] : BAND_ENDS;
    const limits = routes.map(({ capabilities }) => capabilities.maxMessageLength);
    this.#borders = [...new Set([...borders, ...measured, ...limits])].sort((a, b) => a - b);
  }

  /** Index of the size class of a payload: within one the policy, and what the routes can carry, stay the same. */
  sizeClass(bytes: number): number {
    return sizeClass(bytes, this.#borders);
  }
}
