import { channel } from 'node:diagnostics_channel';
import type { KIND, PeerInfo, PRIORITIES } from '../contract/index.ts';
import type { Outcome, ReasonText } from '../outcomes.ts';
import type { Candidate } from '../selector/select.ts';

/**
 * The channels of `node:diagnostics_channel` that every bus of the process tells its messages' states through; see
 * docs/diagnostics.md. Without a subscriber a message costs one property read a channel.
 */
export const PUBLISH = channel('busbar.publish');
export const QUEUED = channel('busbar.queued');
export const SENT = channel('busbar.sent');
export const RECEIVED = channel('busbar.received');
export const SETTLED = channel('busbar.settled');
export const ROUTE = channel('busbar.route');
export const LINK = channel('busbar.link');

/** What every notice begins with. */
interface Notice {
  /** The participant that tells. */
  readonly bus: PeerInfo;
  /** When it happened, in microseconds of the bus's clock. */
  readonly atMicros: number;
}

/** One message. With the sender's instance id, `id` and `kind` name it in all processes. */
interface MessageNotice extends Notice {
  readonly topic: string;
  /** Of a request and its answers, the number of the request. */
  readonly id: number;
  readonly kind: Lowercase<keyof typeof KIND>;
  /** Of the encoded payload. */
  readonly bytes: number;
  readonly priority: (typeof PRIORITIES)[number];
}

/** `busbar.publish`: accepted, with its targets; each of them is settled once. */
export interface PublishNotice extends MessageNotice {
  readonly targets: number;
}

/** `busbar.queued`: it cannot be written now. `replay`: it was, and its route closed before it was confirmed. */
export interface QueuedNotice extends MessageNotice {
  readonly peer: PeerInfo;
  readonly waitsFor: 'credit' | 'route' | 'replay';
}

/** `busbar.sent`: its last frame is written. */
export interface SentNotice extends MessageNotice {
  readonly peer: PeerInfo;
  readonly via: string;
}

/** `busbar.received`: whole, in order, before it meets subscriptions, services and pending requests. */
export interface ReceivedNotice extends MessageNotice {
  /** The sender. */
  readonly peer: PeerInfo;
  /** `local` for the own bus. */
  readonly via: string;
}

/** `busbar.settled`: a delivery has its outcome. */
export interface SettledNotice extends MessageNotice {
  readonly peer: PeerInfo;
  /** Undefined when nothing carried it. */
  readonly via: string | undefined;
  readonly outcome: Outcome;
  /** Undefined for `delivered`. */
  readonly reason: ReasonText | undefined;
}

/** `busbar.route`: a route has changed its state. */
export interface RouteNotice extends Notice {
  readonly peer: PeerInfo;
  readonly transport: string;
  readonly state: Candidate['state'];
  /** Why it is down. */
  readonly trouble: string | undefined;
}

/** `busbar.link`: a link was made, lost its control connection, has it again, or ended for good. */
export interface LinkNotice extends Notice {
  readonly peer: PeerInfo;
  readonly state: 'connected' | 'suspended' | 'resumed' | 'ended';
  /** Why it ended. */
  readonly reason: ReasonText | undefined;
}
