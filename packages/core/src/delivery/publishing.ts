import { assertNotAborted, resolveDeadline } from '../call-options.ts';
import { assertTopic, BusError, type Qos } from '../contract/index.ts';
import { nameOf, type TopicContract } from '../contracts.ts';
import type { Engine } from '../engine.ts';
import { flowHash, type TopicEntry } from '../interest/topic-entry.ts';
import { encodeHeaders } from '../link/headers.ts';
import { NO_BYTES } from '../link/out-message.ts';
import type { PublisherOptions, PublishOptions } from '../options.ts';
import type { Receipt } from '../outcomes.ts';
import { type ResolvedQos, resolveQos } from '../qos.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';
import { PublishCall } from './publish-call.ts';
import { type Publisher, TopicPublisher } from './publisher.ts';

/** What `publish` and `publisher` make of their first arguments. */
interface Subject {
  readonly name: string;
  readonly entry: TopicEntry;
  readonly schema: StandardSchema | undefined;
  readonly qos: ResolvedQos;
  readonly flow: number;
}

/** `Bus.publish`, for a bus that is open. */
export async function publish(
  engine: Engine,
  topic: string | TopicContract,
  value: unknown,
  options: PublishOptions | undefined,
): Promise<Receipt> {
  const { name, entry, schema, qos, flow } = subjectOf(engine, 'publish', topic, options);
  const where = `publish ${name}`;
  assertNotAborted(options?.signal, where);
  const deadline = resolveDeadline(options?.deadline, engine.limits.deadlineMs, where);
  const checked = schema === undefined ? value : validate(schema, value, where);
  const headers =
    options?.headers === undefined ? undefined : encodeHeaders(options.headers, engine.limits.maxHeadersBytes);
  const shipment = {
    payload: NO_BYTES,
    start: 0,
    size: 0,
    codec: 0,
    priority: qos.priority,
    reliable: qos.reliability === 'reliable',
    flow,
    headers,
    via: options?.via,
    value: undefined,
    byReference: false,
  };
  engine.encoder.into(shipment, checked, where);
  engine.holdProcess();
  const call = new PublishCall(name, engine.deadlines, options?.signal, () => engine.releaseProcess());
  engine.outgoing.send(entry, shipment, call);
  call.submitted(deadline);
  return call.promise;
}

/** `Bus.publisher`, for a bus that is open. */
export function publisherFor<T>(
  engine: Engine,
  topic: string | TopicContract<T>,
  options: PublisherOptions | undefined,
): Publisher<T> {
  const { entry, schema, qos, flow } = subjectOf(engine, 'publisher', topic as string | TopicContract, options);
  return new TopicPublisher(engine, entry, schema, qos, flow, options?.via, options?.local === 'reference');
}

function subjectOf(
  engine: Engine,
  verb: string,
  topic: string | TopicContract,
  options: PublishOptions | PublisherOptions | undefined,
): Subject {
  const name = nameOf(topic);
  assertTopic(name, verb);
  const contract = typeof topic === 'string' ? undefined : topic;
  const qos = supportedQos(engine, options, contract?.qos, `${verb} ${name}`);
  const entry = engine.interest.entry(name);
  const flow = options?.orderKey === undefined ? entry.hash : flowHash(name, options.orderKey);
  return { name, entry, schema: contract?.schema, qos, flow };
}

/** @throws BusError INVALID_OPTION; UNSUPPORTED_QOS naming each installed transport's reason. */
export function supportedQos(engine: Engine, own: Qos | undefined, usual: Qos | undefined, where: string): ResolvedQos {
  const qos = resolveQos(own, usual, where);
  if (qos.reliability !== 'acknowledged' && qos.durability === 'volatile') return qos;
  const asked = qos.durability === 'volatile' ? `reliability ${qos.reliability}` : `durability ${qos.durability}`;
  const reasons = [...engine.transports.installed].map(({ name, capabilities }) =>
    qos.reliability === 'acknowledged'
      ? `${name}: acknowledged delivery is not available in this release`
      : `${name}: durable ${capabilities.durable}`,
  );
  throw new BusError(
    'UNSUPPORTED_QOS',
    `no installed transport can honour ${asked}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
    { where, remedy: 'install a transport that can, or ask for less' },
  );
}
