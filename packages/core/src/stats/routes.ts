import type { Engine } from '../engine.ts';
import type { Link } from '../link/link.ts';
import type { Route } from '../link/route.ts';
import type { Tally } from '../link/tallies.ts';
import { BAND_NAMES } from '../selector/bands.ts';
import type { Latency, RouteFigures } from '../selector/route-figures.ts';
import type { RouteState } from '../selector/select.ts';

/** One transport towards one peer: its state and what it has shown. Plain data of one moment. */
export interface RouteInfo {
  /** Instance id. */
  readonly peer: string;
  readonly peerName: string;
  readonly transport: string;
  /** `degraded`: some class of messages has left it. `unsupported`: only one side has it, or it cannot work here. */
  readonly state: RouteState | 'degraded' | 'unsupported';
  /** Why, where it is degraded, down, leaving or unsupported. */
  readonly reason: string | undefined;
  /** From here to there, as the peer tells; only bands in which something was measured. */
  readonly latencies: readonly BandLatency[];
  /** Bytes per second when it was full last; 0: it never was, as far as is known. */
  readonly bytesPerSecond: number;
  /** Messages written and not confirmed. */
  readonly unconfirmed: number;
  /** ms for which it has had no room without a break. */
  readonly fullMillis: number;
  /** How often it failed within the last ten seconds, three at most. */
  readonly failures: number;
  /** Messages by the rule that chose it for them. */
  readonly chosen: readonly Readonly<Tally>[];
}

/** One-way times of messages of one size band, in microseconds. */
export interface BandLatency {
  /** Payload sizes, in words: `up to 1 KiB`. */
  readonly band: string;
  /** Of messages that found the receiver awake; undefined: none was measured. */
  readonly awake: Latency | undefined;
  /** Of messages that woke it. */
  readonly woke: Latency | undefined;
}

/** Peers times transports: all that one of the two has. */
export function routes(engine: Engine): RouteInfo[] {
  const infos: RouteInfo[] = [];
  for (const { link, offers } of engine.membership.members) {
    for (const route of link.routes) infos.push(routeInfo(link, route, engine.clock.now()));
    for (const { transport, reason } of offers.unusable) infos.push(unsupported(link, transport, reason));
  }
  return infos;
}

function routeInfo({ peer, adaptation }: Link, route: Route, now: number): RouteInfo {
  const { transport, state, trouble, figures, window, waitsForRoom, fullSince, tallies } = route;
  const left = state === 'up' ? adaptation?.anyLeft(transport) : undefined;
  return {
    peer: peer.id,
    peerName: peer.name,
    transport,
    state: left === undefined ? state : 'degraded',
    reason: left?.why ?? (state === 'down' || state === 'leaving' ? trouble : undefined),
    latencies: bandLatencies(figures),
    bytesPerSecond: figures.bytesPerSecond,
    unconfirmed: window.length,
    fullMillis: waitsForRoom ? Math.max(0, now - fullSince) : 0,
    failures: figures.failures(now),
    chosen: tallies.all.map((tally) => ({ ...tally })),
  };
}

function bandLatencies(figures: RouteFigures): BandLatency[] {
  return BAND_NAMES.map((band, i) => ({ band, awake: figures.latency(i), woke: figures.latency(i, true) })).filter(
    ({ awake, woke }) => awake !== undefined || woke !== undefined,
  );
}

function unsupported({ peer }: Link, transport: string, reason: string): RouteInfo {
  return {
    peer: peer.id,
    peerName: peer.name,
    transport,
    state: 'unsupported',
    reason,
    latencies: [],
    bytesPerSecond: 0,
    unconfirmed: 0,
    fullMillis: 0,
    failures: 0,
    chosen: [],
  };
}
