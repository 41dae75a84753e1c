import { assertCount } from '../call-options.ts';
import { BusError, type RegionProvider, type Slab } from '../contract/index.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Limits } from '../limits.ts';
import { LentPayload } from '../link/lent-payload.ts';

/** What lending needs of its bus. */
export interface LendingHost {
  readonly closed: boolean;
  readonly deadlines: Deadlines;
  readonly limits: Limits;
  /** The transport that lends memory, if one does. */
  readonly transports: { readonly lender: string | undefined };
  regions(transport: string): RegionProvider | undefined;
  holdProcess(): void;
  releaseProcess(): void;
}

/**
 * Memory for a payload of `bytes`, once there is some, within `deadline` ms.
 * @throws BusError INVALID_OPTION | TOO_LARGE | TRANSPORT_UNAVAILABLE | CLOSED | RESOURCE_EXHAUSTED | DEADLINE_EXCEEDED
 */
export async function takeMemory(
  host: LendingHost,
  bytes: number,
  deadline: number,
  where: string,
): Promise<LentPayload> {
  assertCount('a loan of so many bytes:', bytes, where);
  const { maxMessageBytes } = host.limits;
  if (bytes > maxMessageBytes) {
    throw new BusError('TOO_LARGE', `a loan of ${bytes} bytes exceeds the limit of ${maxMessageBytes}`, {
      where,
      remedy: 'split it, or raise limits.maxMessageBytes on both sides',
    });
  }
  const { lender } = host.transports;
  const regions = lender === undefined ? undefined : host.regions(lender);
  if (lender === undefined || regions === undefined) {
    throw host.closed
      ? new BusError('CLOSED', 'the bus is closed', { where })
      : new BusError('TRANSPORT_UNAVAILABLE', 'no installed transport lends memory', {
          where,
          remedy: 'install one with regions, such as @busbar/transport-shm, or use send()',
        });
  }
  const slab = regions.tryAlloc(bytes) ?? (await freeSlab(host, regions, bytes, deadline, where));
  return new LentPayload(lender, regions, slab);
}

/** Waits until somebody lets go of what was lent. */
async function freeSlab(
  host: LendingHost,
  regions: RegionProvider,
  bytes: number,
  deadline: number,
  where: string,
): Promise<Slab> {
  let waiting = true;
  const free = new Promise<Slab>((resolve, reject) => {
    const attempt = (): void => {
      if (!waiting) return;
      try {
        const slab = regions.tryAlloc(bytes);
        if (slab === undefined) regions.onFree(attempt);
        else resolve(slab);
      } catch (error) {
        reject(error);
      }
    };
    attempt();
  });
  host.holdProcess();
  try {
    return await host.deadlines.within(free, deadline, () => {
      waiting = false;
      return new BusError('DEADLINE_EXCEEDED', 'all memory that may be lent is lent', {
        where,
        remedy: 'look for a subscriber that does not release its leases',
      });
    });
  } finally {
    host.releaseProcess();
  }
}
