import type { Metrics } from './contract/index.ts';

/**
 * How a delivery - one (message, target) - ended. Every delivery ends in exactly one of these; the sum over all
 * outcomes equals the number of targets. `unrouted` counts publishes without any target.
 *
 * | outcome   | meaning                                                                          |
 * | --------- | -------------------------------------------------------------------------------- |
 * | delivered | reliable: the receiving bus copied it; best-effort: a transport took it           |
 * | processed | acknowledged: a handler has returned, or said so                                   |
 * | expired   | its deadline passed first; a peer that does not read may still get it later, unless its ttl did |
 * | refused   | nothing installed can carry it, the peer refused it, or a limit was reached        |
 * | dropped   | best-effort without room, or the publisher's own bus was closed                    |
 * | peer-gone | the peer died or left before the delivery was settled                              |
 * | dead-lettered | acknowledged: nobody could process it; `bus.deadLetters` has it                |
 */
export const OUTCOMES = [
  'delivered',
  'processed',
  'expired',
  'refused',
  'dropped',
  'peer-gone',
  'dead-lettered',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Why a delivery did not succeed, in fixed words: what `bus.stats()` counts by. */
export const REASONS = [
  'the deadline passed',
  'its time passed',
  'aborted by the caller',
  'no credit',
  'no route',
  'too much queued',
  'too many topics',
  'the topic and group are too long together',
  'the transport refused it',
  'the peer has left',
  'the peer has died',
  'the peer did not come back',
  'the peer has given up the link',
  'the link was cut',
  'the link has ended',
  'no member of the group is left',
  'the handler failed',
  'the handler refused it',
  'it cannot be read',
  'it was not acknowledged in time',
  'the subscription was closed',
  'nobody subscribes there any more',
  'the bus was closed',
] as const;
export type Reason = (typeof REASONS)[number];
/** A reason as a receipt tells it: the fixed words, and what there is to say about this one after a colon. */
export type ReasonText = Reason | `${Reason}: ${string}`;

/** What a publisher hopes for. */
export function isSuccess(outcome: Outcome): outcome is 'delivered' | 'processed' {
  return outcome === 'delivered' || outcome === 'processed';
}

/** The reason of a delivery that the own bus gave up. */
export const BUS_CLOSED: Reason = 'the bus was closed';
/** The reason of a delivery to a group that has no member any more. */
export const GROUP_EMPTY: Reason = 'no member of the group is left';

/** One line of a receipt. */
export interface Delivery {
  /** Instance id of the peer; the own id for the local bus. */
  readonly peer: string;
  readonly peerName: string;
  /** The group whose member the peer is, for a message that the group shares. */
  readonly group?: string;
  /** The transport that carried it, `local` for the own bus, undefined when none did. */
  readonly via: string | undefined;
  readonly outcome: Outcome;
  /** How often it was sent, when it was to be acknowledged. */
  readonly attempts?: number;
  /** Why, for everything but `delivered` and `processed`: one of `REASONS`, mostly with details after a colon. */
  readonly reason?: string | undefined;
}

/** What `publish` resolves to, once every delivery is settled. No deliveries: nobody is subscribed (`unrouted`). */
export interface Receipt {
  readonly deliveries: readonly Delivery[];
}

/** Counters of one bus. At rest, `targets` equals the sum of the outcomes. */
export class Counters implements Metrics {
  /** Messages published (requests and replies included). */
  published = 0;
  /** Published without any target. */
  unrouted = 0;
  /** Deliveries started. */
  targets = 0;
  readonly outcomes: Record<Outcome, number> = {
    delivered: 0,
    processed: 0,
    expired: 0,
    refused: 0,
    dropped: 0,
    'peer-gone': 0,
    'dead-lettered': 0,
  };
  /** Messages received from peers and from the own bus, before they meet subscriptions. */
  received = 0;
  /** Received for a topic nobody here subscribes to any more. */
  unclaimed = 0;
  /** Received and not handled, or not by every subscription: the message's ttl, or the request's deadline, had passed. */
  expired = 0;
  /** Frames that came twice (replay, duplicating media), and acknowledged messages known from before: dropped. */
  duplicates = 0;
  /** Sequence gaps reported to subscriptions of best-effort flows, in messages. */
  gaps = 0;
  /** Best-effort frames that came when their gap had been passed: dropped. */
  late = 0;
  /** Messages refused on arrival: undecodable, wrong schema, wrong checksum. */
  invalid = 0;
  /** Frames of an unknown version or kind, and broken frames. */
  protocolErrors = 0;
  /** Handlers that threw. */
  handlerErrors = 0;
  /** What the transports count, by name. */
  readonly transports: Record<string, number> = Object.create(null);

  count(name: string, delta: number): void {
    this.transports[name] = (this.transports[name] ?? 0) + delta;
  }
}
