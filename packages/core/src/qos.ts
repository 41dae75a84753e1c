import { BusError, DURABILITIES, PRIORITIES, type Qos, RELIABILITIES, shown } from './contract/index.ts';

/** Qos with its defaults filled in; priority also as the number that frames and queues use. */
export interface ResolvedQos {
  readonly priority: number;
  readonly reliability: 'best-effort' | 'reliable' | 'acknowledged';
  readonly durability: 'volatile' | 'process' | 'disk';
}

export const DEFAULT_QOS: ResolvedQos = { priority: 2, reliability: 'reliable', durability: 'volatile' };

/** The same object when its words are known. @throws BusError INVALID_OPTION */
export function assertQos(qos: Qos, where: string): Qos {
  check('priority', qos.priority, PRIORITIES, where);
  check('reliability', qos.reliability, RELIABILITIES, where);
  check('durability', qos.durability, DURABILITIES, where);
  return qos;
}

function check(field: string, value: unknown, allowed: readonly string[], where: string): void {
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return;
  throw new BusError('INVALID_OPTION', `${field} ${shown(value)} does not exist`, {
    where,
    remedy: `use one of ${allowed.join(', ')}`,
  });
}

/** `own` over `usual` (a contract's) over the defaults. @throws BusError INVALID_OPTION */
export function resolveQos(own: Qos | undefined, usual: Qos | undefined, where: string): ResolvedQos {
  if (own === undefined && usual === undefined) return DEFAULT_QOS;
  if (own !== undefined) assertQos(own, where);
  const priority = own?.priority ?? usual?.priority ?? 'normal';
  return {
    priority: PRIORITIES.indexOf(priority),
    reliability: own?.reliability ?? usual?.reliability ?? 'reliable',
    durability: own?.durability ?? usual?.durability ?? 'volatile',
  };
}
