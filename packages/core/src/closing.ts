import { BusError } from './contract/index.ts';
import type { Engine } from './engine.ts';
import { BUS_CLOSED, OUTCOMES } from './outcomes.ts';

/** What `close` could not deliver. */
export interface CloseReport {
  /** Deliveries that were not settled when the time was up, or when there was nobody left to deliver to. */
  readonly undelivered: number;
}

/** Deliveries begun and not settled yet. */
export function unsettled({ counters: { targets, outcomes } }: Engine): number {
  let open = targets;
  for (const outcome of OUTCOMES) open -= outcomes[outcome];
  return open;
}

/** Resolves when everything published so far is settled. @throws BusError DEADLINE_EXCEEDED */
export async function drain(engine: Engine, deadlineMs: number): Promise<void> {
  if (unsettled(engine) === 0) return;
  const until = engine.clock.now() + deadlineMs;
  engine.holdProcess();
  try {
    while (unsettled(engine) > 0) {
      if (engine.clock.now() > until) {
        throw new BusError('DEADLINE_EXCEEDED', `${unsettled(engine)} deliveries are not settled`, { where: 'drain' });
      }
      await new Promise<void>((resolve) => engine.clock.setTimer(resolve, 1));
    }
  } finally {
    engine.releaseProcess();
  }
}

/**
 * The orderly end: take nothing new, let handlers finish, drain what they and others sent - all within `timeoutMs` -
 * then say BYE and free everything (`shutdown` ends what is not the engine's). Never rejects.
 */
export async function closeEngine(
  engine: Engine,
  timeoutMs: number,
  shutdown: () => Promise<void>,
): Promise<CloseReport> {
  engine.holdProcess();
  engine.membership.stopAdmitting();
  const subscriptions = [...engine.subscriptions];
  // Handlers may still publish and answer: what they send is drained too.
  const handlers = [...subscriptions, ...engine.ownServices.unretired].map((taker) => taker.finish());
  const work = Promise.allSettled(handlers).then(() => {
    engine.closed = true;
    // Receipts of what they have just finished are to be drained, too.
    engine.turnEnd.run();
    return drain(engine, timeoutMs);
  });
  let timer: { cancel(): void } | undefined;
  const late = new Promise<void>((resolve) => {
    timer = engine.clock.setTimer(resolve, timeoutMs);
  });
  await Promise.race([work.catch(() => {}), late]);
  timer?.cancel();
  engine.closed = true;
  for (const subscription of subscriptions) subscription.close();
  const undelivered = unsettled(engine);
  const closed = new BusError('CLOSED', 'the bus was closed', { where: `bus of ${engine.self.name}` });
  engine.requests.failAll(closed);
  engine.openedStreams.failAll(closed);
  engine.ownServices.giveUpAll();
  engine.turnEnd.run();
  await engine.membership.close();
  engine.local.failAll('dropped', BUS_CLOSED);
  engine.ledger.failAll('dropped', BUS_CLOSED);
  engine.roomReturned();
  engine.dispatcher.close();
  await shutdown();
  engine.deadlines.clear();
  engine.releaseProcess();
  engine.events.removeAllListeners();
  return { undelivered };
}
