import { failureOf } from '../calls/remote-failure.ts';
import { answerShipment, type Served } from '../calls/running.ts';
import { ServiceBase, type ServiceHost } from '../calls/service-base.ts';
import { BusError, isBusError, KIND } from '../contract/index.ts';
import type { LocalTarget } from '../delivery/local-target.ts';
import type { Outgoing } from '../delivery/outgoing.ts';
import type { Interest } from '../interest/interest.ts';
import type { StandardSchema } from '../standard-schema.ts';
import { Production, type ProductionOwner, type Recipe, type StreamHandler } from './production.ts';
import type { Productions } from './productions.ts';

/** What a served stream needs of the bus beside what a call does. */
export interface StreamServiceHost {
  readonly interest: Interest;
  readonly local: LocalTarget;
  readonly outgoing: Outgoing;
  readonly productions: Productions;
}

/** A served stream: each request is answered with PROGRESS when a handler takes it, chunks, and END or ERROR. */
export class StreamService extends ServiceBase implements ProductionOwner {
  readonly serves = 'stream';
  readonly #streams: StreamServiceHost;
  readonly #recipe: Recipe;

  constructor(
    host: ServiceHost,
    streams: StreamServiceHost,
    name: string,
    handler: StreamHandler,
    schemas: { readonly [part in 'input' | 'chunk' | 'result']?: StandardSchema | undefined },
    concurrency: number,
  ) {
    super(host, name, concurrency);
    this.#streams = streams;
    const { input, chunk, result } = schemas;
    this.#recipe = { name, handler, input, chunk, result, encoder: host.encoder, outgoing: streams.outgoing };
  }

  protected run(request: Served): void {
    const { interest, local, productions } = this.#streams;
    const entry = interest.entry(this.call);
    const outbound = request.link?.outbound;
    const production = new Production(
      this.#recipe,
      request,
      outbound ?? local,
      outbound === undefined ? local.topic(entry) : outbound.topic(this.call, entry.hash),
      answerShipment(request),
      this,
    );
    this.begun(production);
    productions.add(production);
    this.host.answer(request, this.call, KIND.PROGRESS, answerShipment(request));
    production.produce().then(
      (result) => this.#finished(production, result),
      (error: unknown) => this.failed(production, error),
    );
  }

  protected override ended(production: Production): void {
    this.#streams.productions.remove(production);
    production.release();
    super.ended(production);
  }

  #finished(production: Production, result: unknown): void {
    try {
      if (!production.cancelled) {
        const shipment = answerShipment(production.request);
        this.host.encoder.into(shipment, result, `result of ${this.call}`);
        this.host.answer(production.request, this.call, KIND.END, shipment);
      }
    } catch (error) {
      this.failed(production, error);
      return;
    }
    this.ended(production);
  }

  refused(production: Production, error: BusError): void {
    this.failed(production, error);
    production.cancel(error);
  }

  stopFailed(error: unknown): void {
    this.host.handlerFailed(
      isBusError(error)
        ? error
        : new BusError('HANDLER_FAILED', failureOf(error).message, { where: `stream ${this.call}`, cause: error }),
    );
  }
}
