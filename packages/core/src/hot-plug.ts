import { BusError, shown, type TransportPlugin } from './contract/index.ts';
import type { Engine } from './engine.ts';
import { known } from './membership/known.ts';
import { type InUse, TransportSet } from './transports.ts';

/** A peer that has not let go of a removed transport by then is stopped; it hears of it as of a broken one. */
const REMOVE_MS = 5000;

/** Adds a transport while traffic runs. @throws BusError see `Bus.use` */
export async function useTransport(engine: Engine, plugin: TransportPlugin): Promise<void> {
  const { transports, membership, announced } = engine;
  TransportSet.check([plugin]);
  const { name } = plugin;
  const where = `use(${name})`;
  // One of this name may be on its way out.
  await transports.find(name)?.left;
  if (transports.has(name)) {
    throw new BusError('DUPLICATE_TRANSPORT', 'a plugin of this name is in use', {
      where,
      remedy: 'remove it first, or give one of them another name',
    });
  }
  const inUse = await transports.use(plugin);
  if (inUse === undefined) {
    const why = transports.unavailable.find(({ transport }) => transport === name);
    throw new BusError('TRANSPORT_UNAVAILABLE', why?.reason ?? 'it cannot be used', { where, remedy: why?.fix });
  }
  if (engine.closed) {
    await transports.remove(name);
    throw new BusError('CLOSED', 'the bus is closed', { where });
  }
  read(engine, inUse);
  announced.version++;
  await known(engine, membership.reoffer(), where);
}

/** Takes a transport away while traffic runs. @throws BusError see `Bus.remove` */
export async function removeTransport(engine: Engine, name: string): Promise<void> {
  const { transports } = engine;
  const inUse = transports.find(name);
  if (inUse === undefined) {
    const names = transports.installed.map((one) => one.name);
    throw new BusError('INVALID_OPTION', `there is no transport ${shown(name)}`, {
      where: 'remove',
      remedy: names.length === 0 ? 'none is in use' : `in use: ${names.join(', ')}`,
    });
  }
  await leave(engine, inUse);
}

/** From now on what comes over it is handed over; should it close by itself, it is taken out. */
export function read(engine: Engine, inUse: InUse): void {
  const { name, receiver, capabilities } = inUse;
  engine.dispatcher.add(name, receiver, capabilities);
  receiver.onClose((reason) => {
    if (engine.closed || !inUse.offered) return;
    const what = `its inbox closed: ${reason.what}`;
    engine.transports.leaveOut(name, reason.code, what, reason.remedy ?? 'use() it again');
    void leave(engine, inUse);
  });
}

/** Who asks again waits for the same end. */
function leave(engine: Engine, inUse: InUse): Promise<void> {
  inUse.left ??= letGo(engine, inUse);
  return inUse.left;
}

/** Peers let go of it first, so that nothing is on its way when it closes. Never rejects. */
async function letGo(engine: Engine, { name, receiver }: InUse): Promise<void> {
  const { transports, membership, announced, dispatcher, deadlines, logger } = engine;
  transports.withdraw(name);
  announced.version++;
  const late = (): BusError => new BusError('DEADLINE_EXCEEDED', `a peer has not let go of ${name} in time`);
  await deadlines.within(membership.reoffer(), REMOVE_MS, late).catch((error: Error) => logger.warn(error.message));
  dispatcher.remove(receiver);
  await transports.remove(name);
}
