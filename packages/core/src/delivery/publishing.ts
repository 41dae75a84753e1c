import { type AckTerms, resolveAckTerms, timeOfAll } from '../acknowledged/terms.ts';
import { assertMs, assertNotAborted, resolveDeadline } from '../call-options.ts';
import { assertTopic, BusError, OK, type Qos, shown } from '../contract/index.ts';
import { nameOf, type TopicContract } from '../contracts.ts';
import type { Engine } from '../engine.ts';
import { flowHash, type TopicEntry } from '../interest/topic-entry.ts';
import { encodeHeaders } from '../link/headers.ts';
import { NO_BYTES, ON_FULL } from '../link/out-message.ts';
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
  readonly acknowledged: AckTerms | undefined;
  readonly flow: number;
  /** The flow is that of an order key. */
  readonly keyed: boolean;
}

/** `Bus.publish`, for a bus that is open. @throws BusError what it rejects with before anything is sent. */
export function publish(
  engine: Engine,
  topic: string | TopicContract,
  value: unknown,
  options: PublishOptions | undefined,
): Promise<Receipt> {
  const { name, entry, schema, qos, acknowledged, flow, keyed } = subjectOf(engine, 'publish', topic, options);
  const where = `publish ${name}`;
  assertNotAborted(options?.signal, where);
  const { deadlineMs } = engine.limits;
  // Long enough for every attempt.
  const usual = acknowledged === undefined ? deadlineMs : timeOfAll(acknowledged) + deadlineMs;
  const deadline = resolveDeadline(options?.deadline, usual, where);
  const checked = schema === undefined ? value : validate(schema, value, where);
  const headers =
    options?.headers === undefined ? undefined : encodeHeaders(options.headers, engine.limits.maxHeadersBytes);
  const shipment = {
    payload: NO_BYTES,
    start: 0,
    size: 0,
    codec: 0,
    priority: qos.priority,
    reliable: qos.reliability !== 'best-effort',
    acknowledged,
    flow,
    keyed,
    headers,
    expiry: options?.ttl === undefined ? 0 : engine.expiry.after(options.ttl),
    via: options?.via,
    onFull: onFullOf(options?.onFull ?? 'wait', where),
    lent: undefined,
    value: undefined,
    byReference: false,
  };
  if (acknowledged !== undefined && engine.outgoing.audience(entry) === 0) {
    throw new BusError('NO_RESPONDERS', `nobody subscribes to ${name}`, {
      where,
      remedy: 'start a subscriber, or publish it as reliable: then nobody has to want it',
    });
  }
  engine.encoder.into(shipment, checked, where);
  if (options?.onFull === 'error' && engine.outgoing.admits(entry, shipment.size, shipment) !== OK) {
    throw new BusError('BACK_PRESSURED', 'a subscriber is behind and has no credit left', {
      where,
      remedy: 'publish later, or choose another onFull',
    });
  }
  const call = new PublishCall(name, engine, options?.signal);
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
  const { name, entry, schema, qos, acknowledged, flow, keyed } = subjectOf(
    engine,
    'publisher',
    topic as string | TopicContract,
    options,
  );
  const byReference = options?.local === 'reference';
  const onFull = options?.onFull ?? 'error';
  if ((onFull as string) === 'wait') {
    throw new BusError('INVALID_OPTION', 'a publisher has no promise that could wait', {
      where: `publisher ${name}`,
      remedy: 'leave onFull out, and await writable() after BACK_PRESSURED',
    });
  }
  const shipment = {
    acknowledged,
    flow,
    keyed,
    via: options?.via,
    onFull: onFullOf(onFull, `publisher ${name}`),
    byReference,
  };
  return new TopicPublisher(engine, entry, schema, qos, shipment, onFull === 'error', options?.ttl ?? 0);
}

const ON_FULL_NUMBERS: Readonly<Record<string, number>> = {
  wait: ON_FULL.WAIT,
  error: ON_FULL.WAIT,
  'drop-newest': ON_FULL.DROP_NEWEST,
  'drop-oldest': ON_FULL.DROP_OLDEST,
};

/** @throws BusError INVALID_OPTION */
function onFullOf(given: unknown, where: string): number {
  const number =
    typeof given === 'string' && Object.hasOwn(ON_FULL_NUMBERS, given) ? ON_FULL_NUMBERS[given] : undefined;
  if (number !== undefined) return number;
  throw new BusError('INVALID_OPTION', `onFull ${shown(given)} does not exist`, {
    where,
    remedy: `use one of ${Object.keys(ON_FULL_NUMBERS).join(', ')}`,
  });
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
  const where = `${verb} ${name}`;
  const qos = supportedQos(engine, options, contract?.qos, where);
  assertMs('ttl', options?.ttl, where);
  const entry = engine.interest.entry(name);
  const keyed = options?.orderKey !== undefined;
  const flow = keyed ? flowHash(name, options.orderKey) : entry.hash;
  const acknowledged = resolveAckTerms(qos, options, engine.limits, where);
  return { name, entry, schema: contract?.schema, qos, acknowledged, flow, keyed };
}

/** @throws BusError INVALID_OPTION; UNSUPPORTED_QOS naming each installed transport's reason. */
export function supportedQos(engine: Engine, own: Qos | undefined, usual: Qos | undefined, where: string): ResolvedQos {
  const qos = resolveQos(own, usual, where);
  if (qos.durability === 'volatile') return qos;
  const reasons = [...engine.transports.installed].map(
    ({ name, capabilities }) => `${name}: durable ${capabilities.durable}`,
  );
  throw new BusError(
    'UNSUPPORTED_QOS',
    `no installed transport can honour durability ${qos.durability}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
    { where, remedy: 'install a transport that can, or ask for less' },
  );
}
