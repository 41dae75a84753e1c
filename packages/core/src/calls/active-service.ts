import { KIND } from '../contract/index.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';
import { isThenable } from '../thenable.ts';
import { answerShipment, type RequestContext, Running, type Served } from './running.ts';
import { ServiceBase, type ServiceHost } from './service-base.ts';

export type RequestHandler<In = unknown, Out = unknown> = (input: In, context: RequestContext) => Out | Promise<Out>;

/** A served call: the handler's result, or what it throws, is the answer. */
export class ActiveService extends ServiceBase {
  readonly serves = 'call';
  readonly #handler: RequestHandler;
  readonly #input: StandardSchema | undefined;
  readonly #output: StandardSchema | undefined;

  constructor(
    host: ServiceHost,
    call: string,
    handler: RequestHandler,
    input: StandardSchema | undefined,
    output: StandardSchema | undefined,
    concurrency: number,
  ) {
    super(host, call, concurrency);
    this.#handler = handler;
    this.#input = input;
    this.#output = output;
  }

  protected run(request: Served): void {
    const running = new Running(this, request);
    this.begun(running);
    let result: unknown;
    try {
      const input =
        this.#input === undefined ? request.input : validate(this.#input, request.input, `input of ${this.call}`);
      result = this.#handler(input, running);
    } catch (error) {
      this.failed(running, error);
      return;
    }
    if (isThenable(result)) {
      this.host.awaitContinuations();
      Promise.resolve(result).then(
        (value) => this.#finished(running, value),
        (error: unknown) => this.failed(running, error),
      );
    } else this.#finished(running, result);
  }

  #finished(running: Running, value: unknown): void {
    try {
      const output = this.#output === undefined ? value : validate(this.#output, value, `output of ${this.call}`);
      if (!running.cancelled) this.#reply(running, output);
    } catch (error) {
      this.failed(running, error);
      return;
    }
    this.ended(running);
  }

  /** @throws BusError NOT_SERIALIZABLE | TOO_LARGE */
  #reply(running: Running, value: unknown): void {
    const { request } = running;
    const shipment = answerShipment(request);
    this.host.encoder.into(shipment, value, `answer of ${this.call}`);
    running.finish();
    this.host.answer(request, this.call, KIND.REPLY, shipment);
  }
}
