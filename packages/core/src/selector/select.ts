import type { TransportCapabilities } from '../contract/index.ts';
import type { Facts, Policy } from './policy.ts';

/** One route to one target, as the selector sees it. */
export interface Candidate {
  readonly transport: string;
  readonly capabilities: TransportCapabilities;
  /** `idle` routes connect on first use; `down` ones have failed and wait to be tried again; `leaving` ones are on their way out. */
  readonly state: 'idle' | 'connecting' | 'up' | 'leaving' | 'down';
  /** Why it is down. */
  readonly trouble?: string | undefined;
}

/** The decision, the same object that `explain()` shows. */
export interface Selection<C extends Candidate = Candidate> {
  /** Undefined when nothing can carry the message: see `rejected`. */
  readonly route: C | undefined;
  /** The line of the policy, or of the rule, that chose. */
  readonly reason: string;
  readonly rejected: readonly Rejection[];
}

/** Why a candidate was not taken. */
export interface Rejection {
  readonly transport: string;
  readonly reason: string;
  /** It would do, but is down at the moment. */
  readonly temporary: boolean;
}

/**
 * Chooses the route for one message: a pure function.
 *
 *  1. Hard filters: a forced transport, reliability, durability, size, state. None is ever bent.
 *  2. The policy's order among those left; installed transports the policy does not name come last.
 *
 * The cost is a microsecond; results are cached per size class (`SelectionCache`).
 */
export function select<C extends Candidate>(
  facts: Facts,
  candidates: readonly C[],
  policy: Policy,
  via?: string,
): Selection<C> {
  const preference = policy.prefer(facts);
  const rejected: Rejection[] = [];
  const fit: C[] = [];
  for (const candidate of candidates) {
    const reason =
      obstacle(facts, candidate, via) ??
      (preference.forbid?.includes(candidate.transport) === true ? `forbidden by ${preference.reason}` : undefined);
    if (reason === undefined && candidate.state === 'down') {
      rejected.push({
        transport: candidate.transport,
        reason: `down: ${candidate.trouble ?? 'it failed'}`,
        temporary: true,
      });
      continue;
    }
    if (reason === undefined) fit.push(candidate);
    else rejected.push({ transport: candidate.transport, reason, temporary: false });
  }
  let best: C | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const candidate of fit) {
    const at = preference.prefer.indexOf(candidate.transport);
    const rank = at < 0 ? preference.prefer.length : at;
    if (rank < bestRank) {
      best = candidate;
      bestRank = rank;
    }
  }
  for (const candidate of fit) {
    if (candidate === best) continue;
    rejected.push({
      transport: candidate.transport,
      reason: `${best?.transport} is preferred (${preference.reason})`,
      temporary: false,
    });
  }
  const reason = via === undefined ? preference.reason : `forced: via ${via}`;
  return { route: best, reason, rejected };
}

/** The first hard filter that `candidate` fails, in words; undefined when it may carry the message. */
function obstacle(facts: Facts, candidate: Candidate, via: string | undefined): string | undefined {
  const can = candidate.capabilities;
  if (candidate.state === 'leaving') return 'it is being removed';
  if (via !== undefined && candidate.transport !== via) return `the message is forced via ${via}`;
  if (facts.reliability !== 'best-effort' && !can.ordered)
    return `may change the order of frames; the message is ${facts.reliability}`;
  if (facts.reliability !== 'best-effort' && !can.lossless)
    return `may lose frames; the message is ${facts.reliability}`;
  if (facts.durability === 'process' && can.durable === 'none') return 'stores nothing; the message is durable';
  if (facts.durability === 'disk' && can.durable !== 'disk') return 'does not reach the disk; the message must';
  if (facts.bytes > can.maxMessageLength) return `carries at most ${can.maxMessageLength} bytes`;
  return undefined;
}
