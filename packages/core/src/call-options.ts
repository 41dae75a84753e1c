import { BusError, shown } from './contract/index.ts';

/** ms of a call: `own`, or `usual` when none is given. @throws BusError INVALID_OPTION unless positive and finite. */
export function resolveDeadline(own: number | undefined, usual: number, where: string): number {
  if (own === undefined) return usual;
  if (Number.isFinite(own) && own > 0) return own;
  throw new BusError('INVALID_OPTION', `a deadline of ${String(own)} ms`, {
    where,
    remedy: 'give a positive number of ms, or leave it out',
  });
}

/** @throws BusError INVALID_OPTION unless it is a positive, finite number of ms or absent. */
export function assertMs(option: string, value: unknown, where: string): void {
  if (value === undefined || (Number.isFinite(value) && (value as number) > 0)) return;
  throw new BusError('INVALID_OPTION', `a ${option} of ${shown(value)} ms`, {
    where,
    remedy: 'give a positive number of ms, or leave it out',
  });
}

/** @throws BusError INVALID_OPTION unless it is a positive integer or absent. */
export function assertCount(option: string, value: unknown, where: string): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) > 0)) return;
  throw new BusError('INVALID_OPTION', `${option} ${shown(value)} is not a positive integer`, {
    where,
    remedy: 'give 1 or more',
  });
}

/** @throws BusError ABORTED when the caller has given up before anything began. */
export function assertNotAborted(signal: AbortSignal | undefined, where: string): void {
  if (signal?.aborted === true) throw new BusError('ABORTED', 'aborted by the caller', { where, cause: signal.reason });
}
