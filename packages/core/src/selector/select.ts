import type { TransportCapabilities } from '../contract/index.ts';
import type { Facts, Policy, Preference } from './policy.ts';

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
  return new Decision(facts, candidates, policy.prefer(facts), via);
}

/** Decides when it is made; its words are made when they are read, since most decisions are never explained. */
class Decision<C extends Candidate> implements Selection<C> {
  readonly route: C | undefined;
  readonly #facts: Facts;
  readonly #candidates: readonly C[];
  readonly #preference: Preference;
  readonly #via: string | undefined;

  constructor(facts: Facts, candidates: readonly C[], preference: Preference, via: string | undefined) {
    this.#facts = facts;
    this.#candidates = candidates;
    this.#preference = preference;
    this.#via = via;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const candidate of candidates) {
      if (candidate.state === 'down' || unfit(facts, candidate, preference, via) !== undefined) continue;
      const rank = rankOf(candidate, facts, preference);
      if (rank >= bestRank) continue;
      this.route = candidate;
      bestRank = rank;
    }
  }

  get reason(): string {
    const { reason } = this.#preference;
    if (this.#via !== undefined) return `forced: via ${this.#via}`;
    const usual = this.#passedOver();
    return usual === undefined ? reason : `${reason}; ${usual} is left: ${this.#facts.left?.get(usual)?.why}`;
  }

  get rule(): string {
    const { reason } = this.#preference;
    if (this.#via !== undefined) return 'forced';
    const usual = this.#passedOver();
    return usual === undefined ? reason : `${reason}; ${usual} is ${this.#facts.left?.get(usual)?.cause}`;
  }

  get rejected(): readonly Rejection[] {
    return this.#candidates.filter((one) => one !== this.route).map((one) => this.#rejection(one));
  }

  #rejection(candidate: C): Rejection {
    const { transport, state, trouble, late } = candidate;
    const facts = this.#facts;
    const reason = unfit(facts, candidate, this.#preference, this.#via);
    if (reason !== undefined) return { transport, reason, temporary: false };
    if (state === 'down') return { transport, reason: `down: ${trouble ?? 'it failed'}`, temporary: true };
    const absence = facts.left?.get(transport);
    if (absence !== undefined) return { transport, reason: `left: ${absence.why}`, temporary: false };
    if (late === true) return { transport, reason: 'it has not connected yet', temporary: false };
    const preferred = `${this.route?.transport} is preferred (${this.#preference.reason})`;
    return { transport, reason: preferred, temporary: false };
  }

  /** What would be taken, had it not been left. */
  #passedOver(): string | undefined {
    const { left } = this.#facts;
    if (left === undefined || this.route === undefined) return undefined;
    let usual: C | undefined;
    for (const candidate of this.#candidates) {
      if (candidate.state === 'down' || unfit(this.#facts, candidate, this.#preference, this.#via) !== undefined)
        continue;
      const rank = orderOf(candidate, this.#preference);
      if (usual === undefined || rank < orderOf(usual, this.#preference)) usual = candidate;
    }
    return usual !== this.route && usual !== undefined && left.has(usual.transport) ? usual.transport : undefined;
  }
}

/** What was left, or has not connected in time, comes after everything else. */
function rankOf(candidate: Candidate, facts: Facts, preference: Preference): number {
  const rank = orderOf(candidate, preference);
  const isLast = candidate.late === true || facts.left?.has(candidate.transport) === true;
  return isLast ? rank + preference.prefer.length + 1 : rank;
}

function orderOf({ transport }: Candidate, { prefer }: Preference): number {
  const at = prefer.indexOf(transport);
  return at < 0 ? prefer.length : at;
}

/** Why `candidate` may not carry the message at all, in words; undefined when it may. */
function unfit(
  facts: Facts,
  candidate: Candidate,
  preference: Preference,
  via: string | undefined,
): string | undefined {
  const reason = obstacle(facts, candidate, via);
  if (reason !== undefined || preference.forbid === undefined) return reason;
  return preference.forbid.includes(candidate.transport) ? `forbidden by ${preference.reason}` : undefined;
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
