import { resolveDeadline } from './call-options.ts';
import { BusError } from './contract/index.ts';
import type { Engine } from './engine.ts';

/** The round trip in ms to the dispatcher of `peerId`. @throws BusError see `Bus.ping` */
export async function ping(engine: Engine, peerId: string, within: number | undefined): Promise<number> {
  const where = `ping ${peerId}`;
  const deadline = resolveDeadline(within, engine.limits.deadlineMs, where);
  const link = engine.membership.member(peerId)?.link;
  if (link === undefined) throw new BusError('PEER_GONE', 'there is no such peer', { where, outcome: 'not-sent' });
  const start = engine.clock.now();
  engine.holdProcess();
  try {
    await engine.deadlines.within(new Promise<void>((resolve) => link.pings.ask(resolve)), deadline, () =>
      link.ended
        ? new BusError('PEER_GONE', 'the peer is gone', { where, outcome: 'unknown' })
        : new BusError('DEADLINE_EXCEEDED', 'no answer in time', { where }),
    );
  } finally {
    engine.releaseProcess();
  }
  return engine.clock.now() - start;
}
