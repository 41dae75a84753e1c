import type { FleetPeer } from '../harness/fleet.ts';
import type { Census } from '../peer/exercises/census.ts';
import type { CampaignRun } from './campaign.ts';

/** By how much an engine's own memory moves once it is warm; what leaks with each of many trials grows past it. */
// A page of V8 has 256 KiB, and what malloc gives from 64 KiB on is a mapping of its own.
const SPARE_MAPPINGS = 200;
const SPARE_LIVE_BYTES = 4_194_304;
const SPARE_RESIDENT_BYTES = 25_165_824;

/**
 * Takes stock of a peer; the function returned compares, and counts what was left behind. A thread shares its process
 * with whatever runs the suite: of that only the objects are its own.
 */
export async function leftBehind({ tally }: Pick<CampaignRun, 'tally'>, peer: FleetPeer): Promise<() => Promise<void>> {
  const before = await peer.exercise.census();
  return async () => {
    const after = await settledCensus(peer, before);
    const live = after.liveBytes - before.liveBytes;
    tally.count('leaked', live > SPARE_LIVE_BYTES ? live : 0, 'bytes of live objects');
    tally.measure('liveGrowthBytes', live);
    if (peer.handle.kind === 'thread') return;
    const descriptors = surplus(after.descriptors, before.descriptors);
    tally.count('leaked', descriptors.length, `descriptors ${descriptors.slice(0, 4).join(', ')}`);
    const handles = surplusHandles(after, before);
    tally.count('leaked', handles.length, `handles ${handles.slice(0, 4).join(', ')}`);
    tally.count('leaked', Math.max(0, after.children - before.children), 'child processes');
    const mappings = after.mappings - before.mappings;
    tally.count('leaked', mappings > SPARE_MAPPINGS ? mappings : 0, 'mappings');
    const resident = after.residentBytes - before.residentBytes;
    tally.count('leaked', resident > SPARE_RESIDENT_BYTES ? resident : 0, 'bytes of resident memory');
    tally.measure('residentGrowthBytes', resident);
  };
}

/** Handles close in later turns: looks again while something is left, for a while. */
async function settledCensus(peer: FleetPeer, before: Census): Promise<Census> {
  let after = await peer.exercise.census();
  for (let i = 0; i < 20 && peer.handle.kind === 'process'; i++) {
    if (surplus(after.descriptors, before.descriptors).length + surplusHandles(after, before).length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
    after = await peer.exercise.census();
  }
  return after;
}

/** An immediate is the inbox of the suite at work. */
function surplusHandles(after: Census, before: Census): string[] {
  return surplus(after.resources, before.resources).filter((kind) => kind !== 'Immediate');
}

/** What `after` has more of than `before`. */
export function surplus(after: readonly string[], before: readonly string[]): string[] {
  const rest = [...before];
  return after.filter((item) => {
    const index = rest.indexOf(item);
    if (index < 0) return true;
    rest.splice(index, 1);
    return false;
  });
}
