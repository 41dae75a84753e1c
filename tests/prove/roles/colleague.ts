import { type Bus, createBus, isBusError, rules } from '@busbar/core';
import { uds } from '@busbar/transport-uds';
import { monotonicMs } from '../monotonic.ts';
import { SILENT } from '../silent.ts';
import { type CuttableSide, cutSockets, hitsOfClosedSockets, watchSockets } from '../sockets.ts';
import { readContent, StreamCheck, type StreamReport } from '../stream-check.ts';
import { Traffic, type TrafficReport } from '../traffic.ts';

/** Errors that a call may meet when the other side has died. */
const DEATH = new Set(['PEER_GONE', 'NO_RESPONDERS']);

/** The small messages of the traffic lie on both sides of it. */
const MIXED_BYTES = 150;

let bus: Bus;
let traffic: Traffic;
const streams = new Map<string, { round: number; check: StreamCheck }>();
const lostAt = new Map<string, number>();
const errors: string[] = [];
let lastVia = '';

function take(topic: string, data: unknown, from: string, via: string): void {
  lastVia = via;
  const { round, sequence, intact } = readContent(data as Uint8Array);
  const key = `${round}/${from}/${topic}`;
  let stream = streams.get(key);
  if (stream === undefined) {
    stream = { round, check: new StreamCheck() };
    streams.set(key, stream);
  }
  stream.check.take(sequence, intact);
}

/** What is not settled of all that was published. */
function unsettled(): number {
  const { targets, outcomes } = bus.counters;
  return targets - Object.values(outcomes).reduce((sum, count) => sum + count, 0);
}

/** A participant that sends to all others, takes from all others, and keeps account of both. */
export const actions = {
  /** Joins; resolves to its id when every peer knows its subscription. */
  async open(directory: string, name: string, transports: readonly string[]): Promise<string> {
    watchSockets(transports, () => unsettled() > 0);
    bus = await createBus({
      logger: SILENT,
      name,
      directory,
      plugins: transports.map((transport) => uds({ name: transport })),
      // With two transports the messages of one flow travel on both, and the receiver has to put them in order.
      policy: rules([{ match: { bytes: { min: MIXED_BYTES } }, prefer: transports.slice(1) }]),
    });
    bus.on('lost', (peer) => lostAt.set(peer.id, monotonicMs()));
    bus.on('error', (error) => errors.push(error.message));
    traffic = new Traffic(bus, (error) => {
      if (!isBusError(error) || !DEATH.has(error.code)) errors.push(String(error));
    });
    bus.serve(`echo.${name}`, (value) => value);
    const own = bus.self.id;
    await bus.subscribe('work.>', ({ topic, data, from, via }) => {
      if (from.id !== own) take(topic, data, from.id, via);
    }).ready;
    return own;
  },

  /** Ids of the participants connected now. */
  peers: (): string[] => bus.peers.map(({ id }) => id),

  /** Forgets what it received in earlier rounds. */
  begin(round: number): void {
    for (const [key, stream] of streams) if (stream.round < round) streams.delete(key);
  },

  /** Sends until `rest`. */
  work(round: number, seed: number): void {
    traffic.start(round, seed);
  },

  /** Stops sending and waits until all is settled, or gives up. */
  rest: (): Promise<TrafficReport> => traffic.stop(),

  /** What arrived in `round` from `sender`, by topic. */
  received(round: number, sender: string): Record<string, StreamReport> {
    const prefix = `${round}/${sender}/`;
    return Object.fromEntries(
      [...streams]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, { check }]) => [key.slice(prefix.length), check.report]),
    );
  },

  /** Deliveries without an outcome after at most `patienceMs`; negative when some have two. */
  async unsettled(patienceMs: number): Promise<number> {
    const end = monotonicMs() + patienceMs;
    while (unsettled() !== 0 && monotonicMs() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    return unsettled();
  },

  /** Deliveries that ended as peer-gone, and errors that should not be. */
  account: (): { gone: number; errors: string[] } => ({
    gone: bus.counters.outcomes['peer-gone'],
    errors: errors.splice(0),
  }),

  /** When `peer` was reported lost, in monotonic ms. */
  lostAt: (peer: string): number | undefined => lostAt.get(peer),

  /** The transport of the message that arrived last. */
  lastVia: (): string => lastVia,

  /** Destroys the sockets of `transport` that this side dialled or accepted; true if there was one. */
  cut: (transport: string, side: CuttableSide): boolean => cutSockets(transport, side),

  /** Sockets of ours that closed while deliveries were not settled. */
  hits: (): number => hitsOfClosedSockets(),
};
