import { assertNotAborted, resolveDeadline } from '../call-options.ts';
import { assertTopic, BusError, shown } from '../contract/index.ts';
import { assertKind, type CallContract, nameOf } from '../contracts.ts';
import type { Shipment } from '../delivery/outgoing.ts';
import { supportedQos } from '../delivery/publishing.ts';
import type { Engine } from '../engine.ts';
import { encodeHeaders } from '../link/headers.ts';
import { NO_BYTES, ON_FULL } from '../link/out-message.ts';
import type { AskOptions, RequestOptions } from '../options.ts';
import { validate } from '../standard-schema.ts';
import { outerError } from './giving-up.ts';
import type { RequestTerms } from './pending-request.ts';
import { progressHeader } from './progress-terms.ts';

type ProgressOptions = Pick<RequestOptions, 'onProgress' | 'extendOnProgress'>;

/** A request that is checked and encoded, and has no server yet. */
export interface Prepared {
  readonly name: string;
  readonly shipment: Shipment;
  readonly terms: RequestTerms;
}

/** @throws BusError whatever is wrong with the arguments, or over before it began. */
export function prepare(
  engine: Engine,
  verb: 'request' | 'requestMany',
  call: string | CallContract,
  input: unknown,
  options: AskOptions | undefined,
  progress?: ProgressOptions,
): Prepared {
  const name = nameOf(call);
  assertTopic(name, verb);
  const where = `${verb} ${name}`;
  assertKind(call, 'call', where);
  const contract = typeof call === 'string' ? undefined : call;
  const own = options?.priority === undefined ? undefined : { priority: options.priority };
  const { priority } = supportedQos(engine, own, contract?.qos, where);
  assertNotAborted(options?.signal, where);
  const terms = termsOf(options, progress, contract?.output, engine.limits.deadlineMs, where);
  const listens = terms.onProgress !== undefined || terms.extendMs > 0;
  const checked = contract?.input === undefined ? input : validate(contract.input, input, `input of ${name}`);
  const shipment = {
    payload: NO_BYTES,
    start: 0,
    size: 0,
    codec: 0,
    priority,
    reliable: true,
    acknowledged: undefined,
    flow: engine.interest.entry(name).hash,
    keyed: false,
    headers:
      options?.headers === undefined && !listens
        ? undefined
        : encodeHeaders(
            options?.headers ?? {},
            engine.limits.maxHeadersBytes,
            listens ? progressHeader(terms.extendMs) : undefined,
          ),
    expiry: 0,
    via: options?.via,
    onFull: ON_FULL.WAIT,
    lent: undefined,
    value: undefined,
    byReference: false,
  };
  engine.encoder.into(shipment, checked, where);
  return { name, shipment, terms };
}

/** @throws BusError INVALID_OPTION; DEADLINE_EXCEEDED or ABORTED when the request it is made for is over. */
function termsOf(
  options: AskOptions | undefined,
  progress: ProgressOptions | undefined,
  output: RequestTerms['output'],
  usualMs: number,
  where: string,
): RequestTerms {
  const own = resolveDeadline(options?.deadline, usualMs, where);
  const { signal, within } = options ?? {};
  const { onProgress, extendOnProgress = false } = progress ?? {};
  if (onProgress !== undefined && typeof onProgress !== 'function') throw invalid('onProgress', onProgress, where);
  if (typeof extendOnProgress !== 'boolean') throw invalid('extendOnProgress', extendOnProgress, where);
  const terms = { output, deadlineMs: own, extendMs: extendOnProgress ? own : 0, onProgress, signal, outer: undefined };
  if (within === undefined) return terms;
  const outer = within?.signal;
  const left = within?.deadline;
  if (!(outer instanceof AbortSignal) || typeof left !== 'number') throw invalid('within', within, where);
  if (outer.aborted) throw outerError(outer, where);
  if (!(left > 0)) {
    throw new BusError('DEADLINE_EXCEEDED', 'nothing is left of the deadline of the request it is made for', { where });
  }
  return { ...terms, deadlineMs: Math.min(own, left), outer };
}

/** The error of who asks for something that no participant serves. */
export function noResponders(name: string, where: string): BusError {
  return new BusError('NO_RESPONDERS', `nobody serves ${name}`, {
    where,
    remedy: 'start a participant that serves it',
  });
}

function invalid(option: string, value: unknown, where: string): BusError {
  return new BusError('INVALID_OPTION', `${option} cannot be ${shown(value)}`, {
    where,
    remedy: `see RequestOptions.${option}`,
  });
}
