import type { TransportCapabilities } from '../contract/index.ts';
import type { Facts, Policy } from './policy.ts';

/**
 * `idle` routes connect on first use; `down` ones have failed and wait to be tried again; `leaving` ones are being removed:
 * they take nothing new and close when all they carried is read.
 */
export type RouteState = 'idle' | 'connecting' | 'up' | 'leaving' | 'down';

/** One route to one target, as the selector sees it. */
export interface Candidate {
  readonly transport: string;
  readonly capabilities: TransportCapabilities;
  readonly state: RouteState;
  /** It has been connecting for so long that others are taken, if there are any. */
  readonly late?: boolean;
  /** Why it is down. */
  readonly trouble?: string | undefined;
}

/** The decision, the same object that `explain()` shows. */
export interface Selection<C extends Candidate = Candidate> {
  /** Undefined when nothing can carry the message: see `rejected`. */
  readonly route: C | undefined;
  /** The line of the policy, or of the rule, that chose, and the measurement behind it where one decided. */
  readonly reason: string;
  /** The same without figures: what choices are counted by. */
  readonly rule: string;
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
 *  2. Those that adaptation has left come last.
 *  3. The policy's order; installed transports the policy does not name come after those it names.
 *
 * The cost is a microsecond; results are cached per size class.
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
  const { left } = facts;
  const rankOf = ({ transport, late }: C): number => {
    const at = preference.prefer.indexOf(transport);
    const rank = at < 0 ? preference.prefer.length : at;
    return late === true || left?.has(transport) === true ? rank + preference.prefer.length + 1 : rank;
  };
  let best: C | undefined;
  for (const candidate of fit) if (best === undefined || rankOf(candidate) < rankOf(best)) best = candidate;
  for (const { transport, late } of fit) {
    if (transport === best?.transport) continue;
    const absence = left?.get(transport);
    let reason = `${best?.transport} is preferred (${preference.reason})`;
    if (absence !== undefined) reason = `left: ${absence.why}`;
    else if (late === true) reason = 'it has not connected yet';
    rejected.push({ transport, reason, temporary: false });
  }
  if (via !== undefined) return { route: best, reason: `forced: via ${via}`, rule: 'forced', rejected };
  // What would be taken, had nothing been measured.
  const usual = preference.prefer.find((name) => fit.some(({ transport }) => transport === name));
  const absence = best === undefined || usual === undefined || usual === best.transport ? undefined : left?.get(usual);
  const { reason } = preference;
  if (absence === undefined) return { route: best, reason, rule: reason, rejected };
  return {
    route: best,
    reason: `${reason}; ${usual} is left: ${absence.why}`,
    rule: `${reason}; ${usual} is ${absence.cause}`,
    rejected,
  };
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
