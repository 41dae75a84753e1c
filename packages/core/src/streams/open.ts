import { assertNotAborted, resolveDeadline } from '../call-options.ts';
import { noResponders } from '../calls/prepare.ts';
import { assertTopic } from '../contract/index.ts';
import { assertKind, nameOf, type StreamContract } from '../contracts.ts';
import { supportedQos } from '../delivery/publishing.ts';
import type { Engine } from '../engine.ts';
import { encodeHeaders } from '../link/headers.ts';
import { NO_BYTES, ON_FULL } from '../link/out-message.ts';
import type { OpenOptions } from '../options.ts';
import { validate } from '../standard-schema.ts';
import type { OpenedStream } from './opened-stream.ts';
import { openingHeader } from './opening-header.ts';

/** `Bus.open`, for a bus that is open. */
export function open(
  engine: Engine,
  stream: string | StreamContract,
  input: unknown,
  options: OpenOptions | undefined,
): OpenedStream {
  const name = nameOf(stream);
  assertTopic(name, 'open');
  const where = `open ${name}`;
  assertKind(stream, 'stream', where);
  const contract = typeof stream === 'string' ? undefined : stream;
  const own = options?.priority === undefined ? undefined : { priority: options.priority };
  const { priority } = supportedQos(engine, own, contract?.qos, where);
  assertNotAborted(options?.signal, where);
  const { limits } = engine;
  const deadline = resolveDeadline(options?.deadline, limits.deadlineMs, where);
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
    headers: encodeHeaders(options?.headers ?? {}, limits.maxHeadersBytes, openingHeader(limits.streamWindow)),
    expiry: 0,
    via: options?.via,
    onFull: ON_FULL.WAIT,
    lent: undefined,
    value: undefined,
    byReference: false,
  };
  engine.encoder.into(shipment, checked, where);
  const server = engine.chooseServer(name);
  if (server === undefined) throw noResponders(name, where);
  return engine.openedStreams.open(name, server, shipment, contract, deadline, options?.signal);
}
