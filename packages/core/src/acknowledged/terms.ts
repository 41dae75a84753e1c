import { BusError, shown } from '../contract/index.ts';
import type { Limits } from '../limits.ts';
import type { ResolvedQos } from '../qos.ts';

/** How long a delivery that must be acknowledged is tried. */
export interface AckTerms {
  /** ms from the moment it is with its receiver until it is sent again. */
  readonly ackTimeoutMs: number;
  /** How often it is sent before it becomes a dead letter. */
  readonly maxDeliveries: number;
  /** It was a dead letter: whoever gets it may have had it before. */
  readonly isRequeued: boolean;
}

/** Pause after the first failure, in ms; doubled by each further one. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;

/** ms until the next attempt, after so many that failed. */
export function pauseAfter(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LAST_PAUSE_MS);
}

/** ms in which all attempts can be made, the pauses between them included. */
export function timeOfAll({ ackTimeoutMs, maxDeliveries }: Pick<AckTerms, 'ackTimeoutMs' | 'maxDeliveries'>): number {
  const pauses = Math.min(FIRST_PAUSE_MS * 2 ** maxDeliveries, LAST_PAUSE_MS * maxDeliveries);
  return ackTimeoutMs * maxDeliveries + pauses;
}

/** What a caller may say about it. */
export interface AckOptions {
  /**
   * With `acknowledged`: ms that a handler may take, then the message is sent again, marked. Default `limits.ackTimeoutMs`.
   */
  ackTimeout?: number;
  /** With `acknowledged`: how often it is sent, then it becomes a dead letter. Default `limits.maxDeliveries`. */
  maxDeliveries?: number;
}

/** Undefined unless `qos` asks for acknowledgement. @throws BusError INVALID_OPTION */
export function resolveAckTerms(
  qos: ResolvedQos,
  options: AckOptions | undefined,
  limits: Limits,
  where: string,
): AckTerms | undefined {
  const { ackTimeout, maxDeliveries } = options ?? {};
  const isAcknowledged = qos.reliability === 'acknowledged';
  if (!isAcknowledged && (ackTimeout !== undefined || maxDeliveries !== undefined)) {
    throw new BusError('INVALID_OPTION', `ackTimeout and maxDeliveries mean nothing for ${qos.reliability} messages`, {
      where,
      remedy: "add reliability: 'acknowledged', or leave them out",
    });
  }
  if (ackTimeout !== undefined && !(Number.isFinite(ackTimeout) && ackTimeout > 0)) {
    throw new BusError('INVALID_OPTION', `ackTimeout ${shown(ackTimeout)} is no time`, {
      where,
      remedy: 'give a positive number of ms, or leave it out',
    });
  }
  if (maxDeliveries !== undefined && !(Number.isInteger(maxDeliveries) && maxDeliveries > 0)) {
    throw new BusError('INVALID_OPTION', `maxDeliveries ${shown(maxDeliveries)} is not a positive integer`, {
      where,
      remedy: 'give 1 or more, or leave it out',
    });
  }
  if (!isAcknowledged) return undefined;
  return {
    ackTimeoutMs: ackTimeout ?? limits.ackTimeoutMs,
    maxDeliveries: maxDeliveries ?? limits.maxDeliveries,
    isRequeued: false,
  };
}
