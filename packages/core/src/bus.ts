import type { DeadLetterBox } from './acknowledged/dead-letters.ts';
import { assertCount, resolveDeadline } from './call-options.ts';
import { ActiveService, type RequestHandler } from './calls/active-service.ts';
import { ask } from './calls/ask.ts';
import { askMany } from './calls/ask-many.ts';
import type { Answers } from './calls/many-answers.ts';
import type { Service, ServiceBase } from './calls/service-base.ts';
import { closeOnAbort } from './close-on-abort.ts';
import { type CloseReport, closeEngine, drain } from './closing.ts';
import { assertTopic, BusError, type PeerInfo, type Qos, type TransportPlugin } from './contract/index.ts';
import { assertKind, type CallContract, nameOf, type StreamContract, type TopicContract } from './contracts.ts';
import type { Publisher } from './delivery/publisher.ts';
import { publish, publisherFor } from './delivery/publishing.ts';
import type { Engine } from './engine.ts';
import type { BusEvents } from './events.ts';
import { removeTransport, useTransport } from './hot-plug.ts';
import { known } from './membership/known.ts';
import type {
  OpenOptions,
  PublisherOptions,
  PublishOptions,
  RequestManyOptions,
  RequestOptions,
  ServeOptions,
  SubscribeOptions,
} from './options.ts';
import type { Counters, Receipt } from './outcomes.ts';
import { ping } from './ping.ts';
import { type Explanation, explain } from './selector/explain.ts';
import { type BusStats, busStats } from './stats/bus-stats.ts';
import { type RouteInfo, routes } from './stats/routes.ts';
import { open } from './streams/open.ts';
import type { OpenedStream } from './streams/opened-stream.ts';
import type { StreamHandler } from './streams/production.ts';
import { StreamService } from './streams/stream-service.ts';
import { subscribe } from './subscribe.ts';
import type { MessageHandler, Subscription } from './subscription.ts';
import type { Unavailable } from './transports.ts';

/** One participant's access to the bus. Made by `createBus`. */
export class Bus {
  readonly #engine: Engine;
  readonly #shutdown: () => Promise<void>;
  #closing: Promise<CloseReport> | undefined;

  /** Use `createBus`. `shutdown` ends what is not the engine's: control plane, transports, files. */
  constructor(engine: Engine, shutdown: () => Promise<void>) {
    this.#engine = engine;
    this.#shutdown = shutdown;
  }

  /** This participant. */
  get self(): PeerInfo {
    return this.#engine.self;
  }

  /** Participants connected now. */
  get peers(): readonly PeerInfo[] {
    return [...this.#engine.membership.members].filter(({ link }) => link.connected).map(({ peer }) => peer);
  }

  /** Live counters; read them, do not keep them. */
  get counters(): Readonly<Counters> {
    return this.#engine.counters;
  }

  /** A snapshot: counters, failures by reason, and of each peer its queue and routes with their latencies. */
  stats(): BusStats {
    return busStats(this.#engine);
  }

  /** Peers times transports: state, measured latencies by size, what chose them. A snapshot. */
  routes(): readonly RouteInfo[] {
    return routes(this.#engine);
  }

  /** Acknowledged messages of this bus that nobody could process. */
  get deadLetters(): DeadLetterBox {
    return this.#engine.deadLetters;
  }

  /** Transports that were asked for and cannot be used here, with what would help. */
  get unavailable(): readonly Unavailable[] {
    return this.#engine.transports.unavailable;
  }

  /**
   * Adds a transport while traffic runs; resolves when every peer knows of it. Messages take it as the policy says.
   * @throws BusError (as rejection) TRANSPORT_UNAVAILABLE with what would help | DUPLICATE_TRANSPORT | VERSION_MISMATCH |
   * INVALID_OPTION | CLOSED | DEADLINE_EXCEEDED after `limits.deadlineMs`: it is in use, and some peer, stopped perhaps, has
   * yet to hear of it
   */
  async use(plugin: TransportPlugin): Promise<void> {
    this.#assertOpen('use', true);
    await this.#holding(() => useTransport(this.#engine, plugin));
  }

  /**
   * Takes the transport `name` away while traffic runs: new messages go over others, what is on its way arrives, and it
   * is closed. Resolves then, after at most 5 s. A message for which no other transport will do is refused, NO_ROUTE.
   * @throws BusError (as rejection) INVALID_OPTION when there is no such transport | CLOSED
   */
  async remove(name: string): Promise<void> {
    this.#assertOpen('remove');
    await this.#holding(() => removeTransport(this.#engine, name));
  }

  /** The process lives until it is done. */
  async #holding(work: () => Promise<void>): Promise<void> {
    this.#engine.holdProcess();
    try {
      await work();
    } finally {
      this.#engine.releaseProcess();
    }
  }

  on<E extends keyof BusEvents>(event: E, listener: (...args: BusEvents[E]) => void): this {
    this.#engine.events.on(event, listener as never);
    return this;
  }

  off<E extends keyof BusEvents>(event: E, listener: (...args: BusEvents[E]) => void): this {
    this.#engine.events.off(event, listener as never);
    return this;
  }

  /**
   * Publishes to every subscriber and resolves once each delivery is settled, with one line per target. Nobody
   * subscribed is no error, unless the message is to be acknowledged: the receipt is empty.
   *
   * @throws BusError (as rejection) when there were targets and none succeeded: PEER_GONE, DEADLINE_EXCEEDED, NO_ROUTE,
   * BACK_PRESSURED, ABORTED, DEAD_LETTERED; before anything is sent: NO_RESPONDERS for an acknowledged message that nobody
   * subscribes to; UNSUPPORTED_QOS, INVALID_TOPIC, INVALID_OPTION, SCHEMA_MISMATCH,
   * NOT_SERIALIZABLE, TOO_LARGE, CLOSED.
   */
  publish<T>(topic: string | TopicContract<T, unknown>, value: NoInfer<T>, options?: PublishOptions): Promise<Receipt> {
    // Not `async`: a second promise around the one of the call is felt.
    try {
      this.#assertOpen('publish');
      return publish(this.#engine, topic as string | TopicContract, value, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** A publisher for many messages of one topic: no promise per message, results as numbers. */
  publisher<T>(topic: string | TopicContract<T, unknown>, options?: PublisherOptions): Publisher<T> {
    this.#assertOpen('publisher');
    return publisherFor(this.#engine, topic, options);
  }

  /**
   * Subscribes a handler to a topic or pattern. Effective for local messages at once; `ready` resolves when every
   * connected peer knows. Without a handler the subscription is an async iterable.
   *
   * @throws BusError INVALID_PATTERN | INVALID_OPTION | CLOSED
   */
  subscribe<T>(
    topic: string | TopicContract<unknown, T>,
    handler: MessageHandler<T>,
    options?: SubscribeOptions,
  ): Subscription<T>;
  subscribe<T>(topic: string | TopicContract<unknown, T>, options?: SubscribeOptions): Subscription<T>;
  subscribe<T>(
    topic: string | TopicContract<unknown, T>,
    handlerOrOptions?: MessageHandler<T> | SubscribeOptions,
    moreOptions?: SubscribeOptions,
  ): Subscription<T> {
    this.#assertOpen('subscribe', true);
    const [handler, options] =
      typeof handlerOrOptions === 'function' ? [handlerOrOptions, moreOptions] : [undefined, handlerOrOptions];
    return subscribe(
      this.#engine,
      topic as string | TopicContract,
      handler as MessageHandler<unknown> | undefined,
      options,
    ) as Subscription<T>;
  }

  /**
   * Asks whoever serves `call` - the server with the fewest requests outstanding - and resolves to its answer.
   *
   * @throws BusError (as rejection) NO_RESPONDERS at once when nobody serves it; PEER_GONE with `outcome`;
   * DEADLINE_EXCEEDED; ABORTED; REMOTE_ERROR or the handler's own code; MISUSE when it is served as a stream;
   * SCHEMA_MISMATCH; NOT_SERIALIZABLE; CLOSED.
   */
  async request<In, Out>(
    call: string | CallContract<In, unknown, unknown, Out>,
    input: NoInfer<In>,
    options?: RequestOptions,
  ): Promise<Out> {
    this.#assertOpen('request');
    return ask(this.#engine, call as string | CallContract, input, options) as Promise<Out>;
  }

  /**
   * Asks everybody who serves `call` now, the own bus included, and gives their answers as they come:
   * `for await (const { from, value, error } of bus.requestMany(Load, {}))`. Each server asked gives one item, its value or
   * the BusError that `request` would have thrown - PEER_GONE, DEADLINE_EXCEEDED, the handler's own - and the failure of
   * one ends no other. It ends when all have answered, or before by `max`, by `quiet` or by leaving the loop: then who has
   * not answered is told to stop and gives no item. The requests are sent at once, not with the first `next()`.
   *
   * @throws BusError NO_RESPONDERS when nobody serves it, and what is wrong with the arguments: INVALID_TOPIC, MISUSE,
   * INVALID_OPTION, UNSUPPORTED_QOS, SCHEMA_MISMATCH, NOT_SERIALIZABLE, TOO_LARGE, DEADLINE_EXCEEDED, ABORTED, CLOSED. The
   * iterator throws ABORTED when `signal` fires, CLOSED when the bus closes, one of ABORTED and DEADLINE_EXCEEDED when the
   * request it is made `within` is over; what was not read by then is discarded.
   */
  requestMany<In, Out>(
    call: string | CallContract<In, unknown, unknown, Out>,
    input: NoInfer<In>,
    options?: RequestManyOptions,
  ): Answers<Out> {
    this.#assertOpen('requestMany');
    return askMany(this.#engine, call as string | CallContract, input, options) as Answers<Out>;
  }

  /**
   * Serves a call. Several participants may; requests are shared. The handler's result, or what it throws, is the answer.
   *
   * @throws BusError INVALID_TOPIC | INVALID_OPTION | MISUSE | CLOSED | NAME_TAKEN when this bus serves the name already.
   */
  serve<In, Out>(call: string, handler: RequestHandler<In, Out>, options?: ServeOptions): Service;
  serve<In, Out>(
    call: CallContract<unknown, In, Out, unknown>,
    handler: RequestHandler<NoInfer<In>, NoInfer<Out>>,
    options?: ServeOptions,
  ): Service;
  serve(call: string | CallContract, handler: RequestHandler<never, unknown>, options?: ServeOptions): Service {
    const name = this.#servable(call, 'call', 'serve', options);
    const contract = typeof call === 'string' ? undefined : call;
    return this.#serving(
      new ActiveService(
        this.#engine.ownServices,
        name,
        handler as RequestHandler,
        contract?.input,
        contract?.output,
        options?.concurrency ?? 16,
      ),
      options,
    );
  }

  /**
   * Opens a stream at whoever serves it - the server with the fewest requests outstanding - and reads its chunks:
   * `for await (const chunk of bus.open(Tokens, { prompt }))`; `result` is what the handler returned at last. At most
   * `limits.streamWindow` bytes are on the way or unread; then the producer waits. `ReadableStream.from(opened)` and
   * `Readable.from(opened)` make a stream of it with the same back-pressure, and cancelling those cancels this one.
   *
   * @throws BusError NO_RESPONDERS when nobody serves it, and what is wrong with the arguments: INVALID_TOPIC, MISUSE,
   * INVALID_OPTION, UNSUPPORTED_QOS, SCHEMA_MISMATCH, NOT_SERIALIZABLE, TOO_LARGE, ABORTED, CLOSED. The iterator throws, and
   * `result` rejects with: PEER_GONE with `outcome`; DEADLINE_EXCEEDED when no handler takes it in time; ABORTED; CLOSED;
   * NO_ROUTE; MISUSE when it is served as a call; SCHEMA_MISMATCH; DECODE_FAILED; REMOTE_ERROR or the handler's own code.
   */
  open<In, Chunk, Result>(
    stream: string | StreamContract<In, unknown, unknown, Chunk, unknown, Result>,
    input: NoInfer<In>,
    options?: OpenOptions,
  ): OpenedStream<Chunk, Result> {
    this.#assertOpen('open');
    return open(this.#engine, stream as string | StreamContract, input, options) as OpenedStream<Chunk, Result>;
  }

  /**
   * Serves a stream: `async function* (input, { signal }) { yield chunk; return result; }`, or anything that returns an
   * iterable or a readable stream. It is asked for a chunk only while the consumer has room. When the consumer leaves or
   * is gone, `signal` fires and the generator is returned, so that its `finally` blocks run.
   *
   * @throws BusError INVALID_TOPIC | INVALID_OPTION | MISUSE | CLOSED | NAME_TAKEN when this bus serves the name already.
   */
  serveStream<In, Chunk, Result>(
    stream: string,
    handler: StreamHandler<In, Chunk, Result>,
    options?: ServeOptions,
  ): Service;
  serveStream<In, Chunk, Result>(
    stream: StreamContract<unknown, In, Chunk, unknown, Result, unknown>,
    handler: StreamHandler<NoInfer<In>, NoInfer<Chunk>, NoInfer<Result>>,
    options?: ServeOptions,
  ): Service;
  serveStream(
    stream: string | StreamContract,
    handler: StreamHandler<never, unknown, unknown>,
    options?: ServeOptions,
  ): Service {
    const engine = this.#engine;
    const name = this.#servable(stream, 'stream', 'serveStream', options);
    const schemas = typeof stream === 'string' ? {} : stream;
    const concurrency = options?.concurrency ?? 16;
    return this.#serving(
      new StreamService(engine.ownServices, engine, name, handler as StreamHandler, schemas, concurrency),
      options,
    );
  }

  /** The name of what is to be served. */
  #servable(given: unknown, kind: 'call' | 'stream', where: string, options: ServeOptions | undefined): string {
    this.#assertOpen(where, true);
    const name = nameOf(given);
    assertTopic(name, where);
    assertKind(given, kind, `${where} ${name}`);
    assertCount('concurrency', options?.concurrency, `${where} ${name}`);
    if (!this.#engine.ownServices.has(name)) return name;
    throw new BusError('NAME_TAKEN', `this bus serves ${name} already`, {
      where,
      remedy: 'close the other service, or raise its concurrency',
    });
  }

  #serving(service: ServiceBase, options: ServeOptions | undefined): Service {
    const engine = this.#engine;
    const name = service.call;
    engine.ownServices.add(service);
    engine.holdProcess();
    if (engine.announced.add('service', name))
      service.ready = known(engine, engine.membership.announce({ services: [name] }), `serve ${name}`);
    closeOnAbort(options?.signal, service);
    return service;
  }

  /** What the selector would decide for a message of `bytes`, for every target it has now. Sends nothing. */
  explain(topic: string | TopicContract, bytes: number, qos?: Qos & { via?: string }): readonly Explanation[] {
    const name = nameOf(topic);
    assertTopic(name, 'explain');
    return explain(this.#engine, name, bytes, qos, typeof topic === 'string' ? undefined : topic.qos);
  }

  /**
   * Resolves to the round trip in ms over the data routes, answered by the peer's dispatcher whatever its
   * subscriptions do. @throws BusError PEER_GONE | DEADLINE_EXCEEDED | INVALID_OPTION | CLOSED
   */
  async ping(peerId: string, options: { deadline?: number } = {}): Promise<number> {
    this.#assertOpen('ping');
    return ping(this.#engine, peerId, options.deadline);
  }

  /**
   * Resolves when everything published so far is settled.
   * @throws BusError DEADLINE_EXCEEDED after `deadline` ms, default `limits.deadlineMs`; INVALID_OPTION
   */
  async drain(options: { deadline?: number } = {}): Promise<void> {
    await drain(this.#engine, resolveDeadline(options.deadline, this.#engine.limits.deadlineMs, 'drain'));
  }

  /**
   * Stops taking, delivers what is under way for at most `timeout` ms (default 5,000), tells peers, frees everything.
   * A second call resolves with the first.
   * Never rejects, but throws INVALID_OPTION for a timeout that is none.
   */
  close(options: { timeout?: number } = {}): Promise<CloseReport> {
    const timeout = resolveDeadline(options.timeout, CLOSE_MS, 'close');
    this.#closing ??= closeEngine(this.#engine, timeout, this.#shutdown);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** While the bus closes, handlers may still publish; nothing new may be `taken`. */
  #assertOpen(where: string, taken = false): void {
    if (this.#engine.closed || (taken && this.#closing !== undefined)) {
      throw new BusError('CLOSED', 'the bus is closed', { where, remedy: 'publish before close(), or make a new bus' });
    }
  }
}

/** How long `close` waits for handlers and deliveries. */
const CLOSE_MS = 5000;
