import { assertNotAborted, resolveDeadline } from '../call-options.ts';
import { assertTopic, BusError, shown } from '../contract/index.ts';
import { assertKind, type CallContract, nameOf } from '../contracts.ts';
import { supportedQos } from '../delivery/publishing.ts';
import type { Engine } from '../engine.ts';
import { encodeHeaders } from '../link/headers.ts';
import { NO_BYTES, ON_FULL } from '../link/out-message.ts';
import type { RequestOptions } from '../options.ts';
import { validate } from '../standard-schema.ts';
import { outerError, type RequestTerms } from './pending-request.ts';
import { progressHeader } from './progress-terms.ts';

/** `Bus.request`, for a bus that is open. */
export async function ask(
  engine: Engine,
  call: string | CallContract,
  input: unknown,
  options: RequestOptions | undefined,
): Promise<unknown> {
  const name = nameOf(call);
  assertTopic(name, 'request');
  const where = `request ${name}`;
  assertKind(call, 'call', where);
  const contract = typeof call === 'string' ? undefined : call;
  const own = options?.priority === undefined ? undefined : { priority: options.priority };
  const { priority } = supportedQos(engine, own, contract?.qos, where);
  assertNotAborted(options?.signal, where);
  const terms = termsOf(options, contract?.output, engine.limits.deadlineMs, where);
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
    value: undefined,
    byReference: false,
  };
  engine.encoder.into(shipment, checked, where);
  const server = engine.chooseServer(name);
  if (server === undefined) {
    throw new BusError('NO_RESPONDERS', `nobody serves ${name}`, {
      where,
      remedy: 'start a participant that serves it',
    });
  }
  return engine.requests.send(name, server, shipment, terms);
}

/** @throws BusError INVALID_OPTION; DEADLINE_EXCEEDED or ABORTED when the request it is made for is over. */
function termsOf(
  options: RequestOptions | undefined,
  output: RequestTerms['output'],
  usualMs: number,
  where: string,
): RequestTerms {
  const own = resolveDeadline(options?.deadline, usualMs, where);
  const { signal, within, onProgress, extendOnProgress = false } = options ?? {};
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

function invalid(option: string, value: unknown, where: string): BusError {
  return new BusError('INVALID_OPTION', `${option} cannot be ${shown(value)}`, {
    where,
    remedy: `see RequestOptions.${option}`,
  });
}
