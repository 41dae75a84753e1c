import { unsettled } from '../closing.ts';
import type { PeerInfo } from '../contract/index.ts';
import type { Engine } from '../engine.ts';
import type { InRoute } from '../link/in-route.ts';
import type { Link } from '../link/link.ts';
import type { Route } from '../link/route.ts';
import type { Counters } from '../outcomes.ts';
import type { Candidate } from '../selector/select.ts';
import type { FailureCount } from './failure-table.ts';
import type { Histogram } from './histogram.ts';

/** What one bus has done and holds, at one moment. Plain data, nobody else's: keep it, compare it, send it. */
export interface BusStats {
  readonly self: PeerInfo;
  /** When it was taken, in ms of the bus's clock: two snapshots give rates. */
  readonly takenAtMillis: number;
  /** What `bus.counters` said. `targets` is the sum of the outcomes and `unsettled`, at any moment. */
  readonly counters: Readonly<Omit<Counters, 'count'>>;
  /** What did not succeed, by outcome and reason, most frequent first; their sum is that of all other outcomes. */
  readonly failed: readonly FailureCount[];
  /** Deliveries begun and not settled. */
  readonly unsettled: number;
  /** Messages that wait for credit or a route, for all peers and the own bus. */
  readonly queued: QueueStats;
  /** Peers whose link stands, or may come back. What was counted of others is gone with them. */
  readonly peers: readonly PeerStats[];
}

export interface QueueStats {
  readonly messages: number;
  readonly bytes: number;
}

export interface PeerStats {
  /** Instance id. */
  readonly peer: string;
  readonly name: string;
  readonly pid: number;
  /** The control connection is up. */
  readonly connected: boolean;
  /** Messages to it that wait for credit or a route. */
  readonly queued: QueueStats;
  /** ms for which they have waited without one of them getting away: the peer does not read, or its subscribers do not. */
  readonly stalledMillis: number;
  /** One for every transport both have, in the order of installation. */
  readonly routes: readonly RouteStats[];
}

/** One transport between this participant and one peer. Frames and bytes include confirmations, credit and repeats. */
export interface RouteStats {
  readonly transport: string;
  readonly state: Candidate['state'];
  /** Why it is down. */
  readonly trouble: string | undefined;
  /** How often it has connected, for sending. */
  readonly sessions: number;
  readonly framesSent: number;
  readonly bytesSent: number;
  /** Messages written to it and not confirmed. */
  readonly unconfirmed: number;
  readonly framesReceived: number;
  readonly bytesReceived: number;
  /** From the peer to here; undefined while nothing has come. */
  readonly latency: LatencyStats | undefined;
}

/**
 * One-way times, from the write at the sender to the read here, sleep and queue of the medium included. One message of
 * 64 of each priority is measured, the first of each too. Microseconds, to 0.4 %.
 */
export interface LatencyStats {
  /** Messages measured. */
  readonly count: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly maxMicros: number;
}

/** Reads and copies; makes nothing that was not there, and moves nothing. */
export function busStats(engine: Engine): BusStats {
  const { self, clock, counters, failures, local, membership } = engine;
  const peers = [...membership.members].map(({ link }) => peerStats(link));
  return {
    self,
    takenAtMillis: clock.now(),
    // Not a spread, which the linter takes for a lost prototype; that is what is wanted.
    counters: Object.assign({}, counters, {
      outcomes: { ...counters.outcomes },
      transports: { ...counters.transports },
    }),
    failed: failures.list(),
    unsettled: unsettled(engine),
    queued: {
      messages: peers.reduce((sum, { queued }) => sum + queued.messages, local.queued),
      bytes: peers.reduce((sum, { queued }) => sum + queued.bytes, local.queuedBytes),
    },
    peers,
  };
}

function peerStats(link: Link): PeerStats {
  const { peer, connected, queued, stalledMillis, routes, inRoutes } = link;
  return {
    peer: peer.id,
    name: peer.name,
    pid: peer.pid,
    connected,
    queued,
    stalledMillis,
    routes: routes.map((route) =>
      routeStats(
        route,
        inRoutes.find(({ transport }) => transport === route.transport),
      ),
    ),
  };
}

function routeStats(route: Route, incoming: InRoute | undefined): RouteStats {
  return {
    transport: route.transport,
    state: route.state,
    trouble: route.trouble,
    sessions: route.sessions,
    framesSent: route.framesSent,
    bytesSent: route.bytesSent,
    unconfirmed: route.window.length,
    framesReceived: incoming?.frames ?? 0,
    bytesReceived: incoming?.bytes ?? 0,
    latency: incoming?.latency === undefined ? undefined : latencyStats(incoming.latency),
  };
}

function latencyStats(latency: Histogram): LatencyStats {
  return {
    count: latency.count,
    p50Micros: latency.percentile(0.5),
    p99Micros: latency.percentile(0.99),
    maxMicros: latency.percentile(1),
  };
}
