import { BusError } from '../contract/index.ts';
import type { LinkHost } from './host.ts';
import type { Link } from './link.ts';
import type { Route } from './route.ts';

/** A peer that has not read by then is stopped, or its medium is stuck. */
const RETIRE_MS = 1000;

/**
 * Takes `route` out of use so that nothing is lost: new messages go over others, and it closes once the peer has read
 * what it carried. Where that takes too long, what is unconfirmed goes over others from its start. Never rejects.
 */
export async function retire(link: Link, route: Route, host: LinkHost): Promise<void> {
  const isUp = route.state === 'up';
  route.leave();
  if (isUp) {
    // References to a medium's memory travel on any route, so each one is read through.
    const read = link.routes
      .filter(({ state }) => state === 'up' || state === 'leaving')
      .map((one) => link.pings.readThrough(one));
    const late = (): BusError =>
      new BusError('TRANSPORT_FAILED', `it was removed, and the peer did not read within ${RETIRE_MS} ms`);
    try {
      await host.deadlines.within(Promise.all([...read, route.window.whenEmpty()]), RETIRE_MS, late);
      route.unconfirmable.clear();
    } catch (error) {
      route.abandon(error as BusError);
    }
  }
  await route.close().catch(() => {});
  link.forget(route);
}
