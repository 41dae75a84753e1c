import { BusError } from '../contract/index.ts';
import { type Calibration, flawOf } from './calibration.ts';
import { LEAVES, type Leaf, type LeafName } from './decision-table.ts';
import { MECHANISMS, type Mechanism, type Status } from './mechanisms.ts';
import { type CheckedNeed, checkNeed, type Need } from './need.ts';
import { impossible, obstacle, reached, shortfall, unusable } from './obstacles.ts';
import { type ReachOf, reaches } from './reach.ts';

/** A mechanism, with what stands behind it. */
export interface Choice {
  readonly mechanism: Mechanism;
  /** The npm package to install beside `@busbar/core`; undefined while there is none to install, see `status`. */
  readonly package: string | undefined;
  readonly status: Status;
  /** One sentence: the fact that decided and, where figures did, each with whether it was measured on this host. */
  readonly why: string;
}

export interface Advice extends Choice {
  /** It keeps all that was asked for. False: nothing does that is known here, and this comes closest. */
  readonly meets: boolean;
  /** The leaf of the decision trees, see `LEAVES`. */
  readonly leaf: LeafName;
  /**
   * Others that keep all that was asked for, in the order of preference. When `mechanism` is not published, the published
   * one to use meanwhile is among them, if there is any.
   */
  readonly alternatives: readonly Choice[];
  /** What the leaf prefers too, and why it will not do. */
  readonly rejected: readonly { readonly mechanism: Mechanism; readonly reason: string }[];
}

const ALL = Object.keys(MECHANISMS) as Mechanism[];
const PUBLISHED = ALL.filter(isPublished);

function isPublished(mechanism: Mechanism): boolean {
  return MECHANISMS[mechanism].status === 'published';
}

/**
 * Which mechanism two processes should use, why, and what to install: a pure function.
 *
 *  1. Hard requirements: machines, browser, durability, direction, the kind of partner. None is ever bent.
 *  2. The first leaf of the decision table (`LEAVES`) that the need leads to. Its borders are measured figures where
 *     `calibration` has them, else usual ones; `why` tells which.
 *  3. Of what the leaf prefers the first that keeps everything; else a published one that does; else the one that
 *     misses least, with `meets: false`.
 *
 * `calibration`: as `loadCalibration()` gives it. What it found to be unavailable is not advised.
 *
 * @throws BusError INVALID_OPTION: an unknown field or value of `need`, fields that exclude each other, or a calibration
 * that is none
 */
export function advise(need: Need, calibration?: Calibration): Advice {
  const checked = checkNeed(need);
  const flaw = calibration === undefined ? undefined : flawOf(calibration);
  if (flaw !== undefined) {
    throw new BusError('INVALID_OPTION', `the calibration is none: ${flaw}`, {
      where: 'advise',
      remedy: 'give what calibrate() or loadCalibration() has returned, or leave it out',
    });
  }
  const reachOf = reaches(calibration);
  const { leaf, because } = leafOf(checked, reachOf);
  const fits = (mechanism: Mechanism): boolean => obstacle(mechanism, checked, reachOf) === undefined;
  const candidates = [...new Set([...leaf.prefer, ...PUBLISHED])];
  const best = candidates.find(fits) ?? closest(candidates, checked, reachOf) ?? leaf.prefer[0];
  const meets = fits(best);
  const others = candidates.filter((other) => other !== best && fits(other));
  const published = MECHANISMS[best].status === 'published';
  const fact = meets ? `${because}; ${merits(best, checked, reachOf)}` : miss(best, because, checked, reachOf);
  return {
    ...choice(best, published ? fact : `${fact}; ${honest(best, others.find(isPublished))}`),
    meets,
    leaf: leaf.name,
    // Who gets what is published needs no other than the leaf names.
    alternatives: others
      .filter((other) => !published || leaf.prefer.includes(other))
      .map((other) => choice(other, merits(other, checked, reachOf))),
    rejected: leaf.prefer.flatMap((other) => {
      const reason = other === best ? undefined : obstacle(other, checked, reachOf);
      return reason === undefined ? [] : [{ mechanism: other, reason }];
    }),
  };
}

function leafOf(need: CheckedNeed, reachOf: ReachOf): { readonly leaf: Leaf; readonly because: string } {
  // The last one takes the rest.
  const leaf = LEAVES.find((each) => each.because(need, reachOf) !== undefined) as Leaf;
  return { leaf, because: leaf.because(need, reachOf) as string };
}

/** Of those that keep the hard requirements and work here the one that misses a figure least. */
function closest(candidates: readonly Mechanism[], need: CheckedNeed, reachOf: ReachOf): Mechanism | undefined {
  let best: Mechanism | undefined;
  for (const mechanism of candidates) {
    if (impossible(mechanism, need) !== undefined || unusable(reachOf(mechanism)) !== undefined) continue;
    if (best === undefined || shortfall(mechanism, need, reachOf) < shortfall(best, need, reachOf)) best = mechanism;
  }
  return best;
}

function choice(mechanism: Mechanism, why: string): Choice {
  const { package: name, status } = MECHANISMS[mechanism];
  return { mechanism, package: status === 'published' ? name : undefined, status, why };
}

/** That it cannot be installed, and what can meanwhile. */
function honest(mechanism: Mechanism, standIn: Mechanism | undefined): string {
  const { package: name, status } = MECHANISMS[mechanism];
  const fate = status === 'planned' ? `${name} is planned and not published` : 'Busbar has no such transport yet';
  return `${fate}, and ${standIn ?? 'nothing that is published'} can stand in`;
}

function merits(mechanism: Mechanism, need: CheckedNeed, reachOf: ReachOf): string {
  return reached(mechanism, need, reachOf) || MECHANISMS[mechanism].gives;
}

function miss(mechanism: Mechanism, because: string, need: CheckedNeed, reachOf: ReachOf): string {
  const broken = unusable(reachOf(mechanism));
  if (broken !== undefined) return `${because}; that is for ${mechanism}, but ${broken}`;
  return `${because}; nothing known here keeps all that is asked for, the closest: ${merits(mechanism, need, reachOf)}`;
}
