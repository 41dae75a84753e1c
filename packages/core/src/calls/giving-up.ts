import { BusError, isBusError } from '../contract/index.ts';
import type { ReasonText } from '../outcomes.ts';

/** The reason of a delivery whose caller gave up. */
export const ABORTED: ReasonText = 'aborted by the caller';

/** Who may give a request up, beside its deadline. */
export interface GivenUpBy {
  readonly signal: AbortSignal | undefined;
  /** The signal of the request that this one is made for. */
  readonly outer: AbortSignal | undefined;
}

/** Calls `giveUp` with the reason when one of them aborts. Returns what ends the listening. */
export function onGivenUp({ signal, outer }: GivenUpBy, where: string, giveUp: (error: BusError) => void): () => void {
  const onAbort = (): void => giveUp(new BusError('ABORTED', ABORTED, { where, cause: signal?.reason }));
  const onOuterAbort = (): void => giveUp(outerError(outer as AbortSignal, where));
  signal?.addEventListener('abort', onAbort);
  outer?.addEventListener('abort', onOuterAbort);
  return () => {
    signal?.removeEventListener('abort', onAbort);
    outer?.removeEventListener('abort', onOuterAbort);
  };
}

/** Why a request ends with the one it is made for: the deadline they share, or a caller who gave up. */
export function outerError({ reason }: AbortSignal, where: string): BusError {
  const late = isBusError(reason) && reason.code === 'DEADLINE_EXCEEDED';
  return late
    ? new BusError('DEADLINE_EXCEEDED', 'the deadline of the request it is made for has passed', {
        where,
        cause: reason,
      })
    : new BusError('ABORTED', 'the request it is made for was given up', { where, cause: reason });
}
