import type { Fabric, Lane } from './fabric.ts';
import { turn } from './pair.ts';

/** The standing connection of a participant (by the first letter of its id) over `fabric`. */
export function laneOf(fabric: Fabric, owner: string): Lane {
  const found = [...fabric.lanes].find((one) => one.owner.startsWith(owner) && one.standing);
  if (found === undefined) throw new Error(`no ${fabric.name} of ${owner}`);
  return found;
}

/** Everything on every wire arrives, until nothing moves any more; the clock stands. */
export async function flow(...fabrics: Fabric[]): Promise<void> {
  for (let quiet = 0; quiet < 8; ) {
    const lanes = fabrics.flatMap((fabric) => [...fabric.lanes]);
    quiet = lanes.some(({ flying }) => flying > 0) ? 0 : quiet + 1;
    for (const one of lanes) one.deliver(1000);
    await turn();
  }
}
