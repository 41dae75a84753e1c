import type { RouteFigures } from './route-figures.ts';

/** One route, as the judge sees it at a review. */
export interface Judged {
  readonly transport: string;
  /** It can be written to. */
  readonly isUp: boolean;
  readonly figures: RouteFigures;
  /** ms for which it has been full without a break; 0 when it has room. */
  readonly fullMillis: number;
  /** Messages of each priority since the last review. */
  readonly sent: Readonly<Int32Array>;
}

/** Why a route was left. */
export type LeaveCause = 'full' | 'failing' | 'slow';

/** A route that messages of one class take no more, until they try it again. */
export interface Left {
  readonly cause: LeaveCause;
  /** With the figures that decided. */
  readonly why: string;
}

/** A miss counts when it has lasted so long. */
const MISS_MS = 500;
/** After a route was left or taken again nothing changes for so long; each failed return doubles it, up to the longest. */
export const HOLD_MS = 2000;
const LONGEST_HOLD_MS = 60_000;
/** Reviews in a row in which a route that was too slow must meet the target. */
const GOOD_REVIEWS = 3;
/** Batch goes where so much more is carried. */
const THROUGHPUT_GAIN = 1.5;
/** ms for which a message of each priority waits for a full route before its class takes another. */
export const PATIENCE_MS: readonly number[] = [2, 10, 100, 1000, 1000];

interface Absence extends Left {
  /** Reviews in a row in which the route was good enough. */
  good: number;
}

/** Messages of one priority and band towards one peer: what they have left, and since when what they use misses its target. */
class JudgedClass {
  readonly left = new Map<string, Absence>();
  readonly missingSince = new Map<string, number>();
  holdUntil = 0;
  holdMs = HOLD_MS;
  returnedAt = Number.NEGATIVE_INFINITY;
}

/**
 * Adapts the policy's order to what is measured, towards one peer. While a preferred route meets its class's target
 * the order holds. A class leaves a route that is full beyond patience, fails again and again, or misses the target for
 * half a second while another meets it, and takes it again when probes show it well. Between a leave and the return to the
 * same route, and between two changes for slowness, lies a hold time at least: it never flaps.
 *
 * It knows no clock and no medium: reviews bring the time and the figures.
 */
export class Adaptation {
  readonly #targetsMicros: readonly (number | undefined)[];
  readonly #classes = new Map<number, JudgedClass>();

  /** `targetsMicros` by priority; undefined: throughput decides. */
  constructor(targetsMicros: readonly (number | undefined)[]) {
    this.#targetsMicros = targetsMicros;
  }

  /** By transport, what messages of a class have left. */
  left(priority: number, band: number): ReadonlyMap<string, Left> | undefined {
    const left = this.#classes.get(classKey(priority, band))?.left;
    return left === undefined || left.size === 0 ? undefined : left;
  }

  /** Of all classes: whether `transport` was left, and why. */
  anyLeft(transport: string): Left | undefined {
    for (const { left } of this.#classes.values()) {
      const one = left.get(transport);
      if (one !== undefined) return one;
    }
    return undefined;
  }

  /** Judges all routes. True: what messages are to take has changed. */
  review(routes: readonly Judged[], bands: readonly number[], now: number): boolean {
    let changed = false;
    for (let priority = 0; priority < this.#targetsMicros.length; priority++) {
      const used = routes.filter(({ sent }) => sent[priority] > 0);
      for (const band of bands) {
        const known = this.#classes.get(classKey(priority, band));
        if (used.length === 0 && known === undefined) continue;
        const judged = known ?? this.#open(priority, band);
        for (const route of routes) {
          if (judged.left.has(route.transport)) {
            if (this.#isWell(judged, route, priority, band, now)) {
              judged.left.delete(route.transport);
              judged.missingSince.delete(route.transport);
              judged.returnedAt = now;
              judged.holdUntil = now + judged.holdMs;
              changed = true;
            }
            continue;
          }
          const reason = this.#reasonToLeave(judged, route, routes, priority, band, now);
          if (reason === undefined) continue;
          this.#leave(judged, route.transport, reason, now);
          changed = true;
        }
      }
    }
    return changed;
  }

  /** A message of `priority` has waited for room on `route` beyond its patience. True: its class takes others now. */
  full(route: Judged, priority: number, routes: readonly Judged[], bands: readonly number[], now: number): boolean {
    if (!routes.some((other) => other !== route && other.isUp && other.fullMillis === 0)) return false;
    let changed = false;
    for (const band of bands) {
      const judged = this.#classes.get(classKey(priority, band)) ?? this.#open(priority, band);
      if (judged.left.has(route.transport)) continue;
      this.#leave(judged, route.transport, fullFor(route), now);
      changed = true;
    }
    return changed;
  }

  #open(priority: number, band: number): JudgedClass {
    const judged = new JudgedClass();
    this.#classes.set(classKey(priority, band), judged);
    return judged;
  }

  #leave(judged: JudgedClass, transport: string, left: Left, now: number): void {
    const relapse = now - judged.returnedAt < 2 * judged.holdMs;
    judged.holdMs = relapse ? Math.min(judged.holdMs * 2, LONGEST_HOLD_MS) : HOLD_MS;
    judged.holdUntil = now + judged.holdMs;
    judged.missingSince.delete(transport);
    judged.left.set(transport, { ...left, good: 0 });
  }

  #reasonToLeave(
    judged: JudgedClass,
    route: Judged,
    routes: readonly Judged[],
    priority: number,
    band: number,
    now: number,
  ): Left | undefined {
    const others = routes.filter((one) => one !== route && one.isUp && !judged.left.has(one.transport));
    if (others.length === 0) return undefined;
    if (route.figures.isFailing(now)) {
      return { cause: 'failing', why: `it failed ${route.figures.failures(now)} times within ten seconds` };
    }
    if (!route.isUp || route.sent[priority] === 0) return undefined;
    const slowness = this.#slowness(route, others, priority, band, now);
    if (slowness === undefined) {
      judged.missingSince.delete(route.transport);
      return undefined;
    }
    const since = judged.missingSince.get(route.transport) ?? now;
    judged.missingSince.set(route.transport, since);
    if (slowness.why === undefined || now - since < MISS_MS || now < judged.holdUntil) return undefined;
    return { cause: 'slow', why: slowness.why };
  }

  /** Undefined: it is good enough. Without `why`: it is not, and nothing better is known. */
  #slowness(
    { figures }: Judged,
    others: readonly Judged[],
    priority: number,
    band: number,
    now: number,
  ): { readonly why?: string } | undefined {
    const target = this.#targetsMicros[priority];
    if (target === undefined) {
      const own = figures.freshThroughput(now);
      const better = others.find((other) => own > 0 && other.figures.freshThroughput(now) >= own * THROUGHPUT_GAIN);
      if (better === undefined) return undefined;
      const carried = better.figures.freshThroughput(now);
      return { why: `it carries ${megabytes(own)}/s, ${better.transport} ${megabytes(carried)}/s` };
    }
    const own = figures.fresh(band, now)?.p50Micros ?? 0;
    if (own <= target) return undefined;
    for (const other of others) {
      const theirs = (other.figures.fresh(band, now) ?? other.figures.fresh(0, now))?.p50Micros;
      if (theirs === undefined || theirs > target) continue;
      return { why: `its p50 of ${own} us misses ${target} us, which ${other.transport} meets with ${theirs} us` };
    }
    return {};
  }

  /** Its times are of interest though no message takes it: it was left, or something else misses its target. */
  wantsProbe(transport: string): boolean {
    for (const { left, missingSince } of this.#classes.values()) {
      if (left.has(transport)) return true;
      for (const missing of missingSince.keys()) if (missing !== transport) return true;
    }
    return false;
  }

  /** A route that was left may be taken again. */
  #isWell(judged: JudgedClass, route: Judged, priority: number, band: number, now: number): boolean {
    const absence = judged.left.get(route.transport) as Absence;
    if (!route.isUp || route.fullMillis > 0 || route.figures.isFailing(now)) {
      absence.good = 0;
      return false;
    }
    if (absence.cause === 'slow') {
      const target = this.#targetsMicros[priority];
      const latency = route.figures.fresh(band, now) ?? route.figures.fresh(0, now);
      // Where probes only ever wake the receiver, or nothing was measured since, messages themselves are the probe.
      const isGood = latency === undefined || target === undefined || latency.p50Micros <= target;
      absence.good = isGood ? absence.good + 1 : 0;
      if (absence.good < GOOD_REVIEWS) return false;
    }
    return now >= judged.holdUntil;
  }
}

function classKey(priority: number, band: number): number {
  return priority * 16 + band;
}

function fullFor({ fullMillis }: Judged): Left {
  return { cause: 'full', why: `it had no room for ${Math.round(fullMillis)} ms` };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
