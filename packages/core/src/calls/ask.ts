import { assertNotAborted, resolveDeadline } from '../call-options.ts';
import { assertTopic, BusError } from '../contract/index.ts';
import { assertKind, type CallContract, nameOf } from '../contracts.ts';
import { supportedQos } from '../delivery/publishing.ts';
import type { Engine } from '../engine.ts';
import { encodeHeaders } from '../link/headers.ts';
import { NO_BYTES, ON_FULL } from '../link/out-message.ts';
import type { RequestOptions } from '../options.ts';
import { validate } from '../standard-schema.ts';

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
  const deadline = resolveDeadline(options?.deadline, engine.limits.deadlineMs, where);
  const checked = contract?.input === undefined ? input : validate(contract.input, input, `input of ${name}`);
  const shipment = {
    payload: NO_BYTES,
    start: 0,
    size: 0,
    codec: 0,
    priority,
    reliable: true,
    flow: engine.interest.entry(name).hash,
    headers: options?.headers === undefined ? undefined : encodeHeaders(options.headers, engine.limits.maxHeadersBytes),
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
  return engine.requests.send(name, server, shipment, contract?.output, deadline, options?.signal);
}
