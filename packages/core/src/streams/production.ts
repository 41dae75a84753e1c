import { type RequestContext, Running, type RunningHost, type Served } from '../calls/running.ts';
import { BusError, KIND } from '../contract/index.ts';
import type { Encoder } from '../delivery/encoder.ts';
import type { Outgoing, Shipment } from '../delivery/outgoing.ts';
import type { OutMessage, Target } from '../link/out-message.ts';
import { CREDIT_OVERHEAD, type OutTopic } from '../link/out-topic.ts';
import type { Outcome } from '../outcomes.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';
import { isThenable } from '../thenable.ts';
import { type Chunks, type Source, sourceOf } from './source.ts';

/** Gives the chunks of one stream; what a generator returns is the result. May be async itself. */
export type StreamHandler<In = unknown, Chunk = unknown, Result = unknown> = (
  input: In,
  context: RequestContext,
) => Chunks<Chunk, Result> | Promise<Chunks<Chunk, Result>>;

/** What all streams of one service share. */
export interface Recipe {
  readonly name: string;
  readonly handler: StreamHandler;
  readonly input: StandardSchema | undefined;
  readonly chunk: StandardSchema | undefined;
  readonly result: StandardSchema | undefined;
  readonly encoder: Encoder;
  readonly outgoing: Outgoing;
}

/** Who hears of a production what its promise does not say. */
export interface ProductionOwner extends RunningHost {
  /** A chunk of it could not be sent. */
  refused(production: Production, error: BusError): void;
  /** The source threw when it was told to stop. */
  stopFailed(error: unknown): void;
}

/**
 * One stream at the serving side: asks its source for a chunk while there is credit, and sends it. Bytes under way
 * never exceed the opener's window, but for a single chunk that is larger.
 */
export class Production extends Running {
  readonly #recipe: Recipe;
  readonly #target: Target;
  readonly #account: OutTopic;
  readonly #shipment: Shipment;
  readonly #owner: ProductionOwner;
  #source: Source | undefined;
  #sent = 0;
  #taken = 0;
  readonly #window: number;
  #wake: (() => void) | undefined;
  #released = false;

  constructor(
    recipe: Recipe,
    request: Served,
    target: Target,
    account: OutTopic,
    shipment: Shipment,
    owner: ProductionOwner,
  ) {
    super(owner, request);
    this.#recipe = recipe;
    this.#target = target;
    this.#account = account;
    this.#shipment = shipment;
    this.#window = request.window;
    this.#owner = owner;
    account.pins++;
  }

  /** Nothing is sent any more. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#account.pins--;
  }

  /**
   * Resolves to the result when the source has ended or the stream was cancelled.
   *
   * | allocates a chunk                          | blocks | syscalls | callable from    |
   * | what the source does; the message is pooled | no     | 0        | the bus's thread |
   *
   * @throws what handler, source or schema throw; BusError NOT_SERIALIZABLE | TOO_LARGE
   */
  async produce(): Promise<unknown> {
    const { name, handler, input, result } = this.#recipe;
    const { request } = this;
    const given = input === undefined ? request.input : validate(input, request.input, `input of ${name}`);
    const made = handler(given, this);
    const source = sourceOf(isThenable(made) ? await made : made, `stream ${name}`);
    this.#source = source;
    if (this.cancelled) {
      this.#stop();
      return undefined;
    }
    const value = await this.#pull(source);
    if (this.cancelled || result === undefined) return value;
    return validate(result, value, `result of ${name}`);
  }

  async #pull(source: Source): Promise<unknown> {
    const { isAsync } = source;
    for (;;) {
      if (this.#sent - this.#taken >= this.#window) await this.#credit(0);
      if (this.cancelled) return undefined;
      const asked = source.next();
      const step = isAsync ? await asked : (asked as IteratorResult<unknown>);
      if (this.cancelled) return undefined;
      if (step.done === true) return step.value;
      try {
        // Sync iterables may give promises, as `for await` allows.
        const value = !isAsync && isThenable(step.value) ? await step.value : step.value;
        const cost = this.#encode(value);
        if (!this.#hasCredit(cost)) await this.#credit(cost);
        if (this.cancelled) return undefined;
        this.#send(cost);
      } catch (error) {
        this.#stop();
        throw error;
      }
    }
  }

  /** Encodes `value` into the shipment and returns its cost. */
  #encode(value: unknown): number {
    const { name, chunk, encoder } = this.#recipe;
    const checked = chunk === undefined ? value : validate(chunk, value, name);
    encoder.into(this.#shipment, checked, name);
    return this.#shipment.size + CREDIT_OVERHEAD;
  }

  #send(cost: number): void {
    this.#sent += cost;
    this.#recipe.outgoing.sendTo(this.#target, this.#account, KIND.CHUNK, this.request.id, this.#shipment, this);
  }

  #hasCredit(cost: number): boolean {
    const inFlight = this.#sent - this.#taken;
    return inFlight <= 0 || inFlight + cost <= this.#window;
  }

  /** Waits until `cost` bytes may be sent, or the stream is cancelled. */
  async #credit(cost: number): Promise<void> {
    while (!this.cancelled && !this.#hasCredit(Math.max(cost, 1))) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The consumer has taken so many bytes in all. */
  credited(taken: number): void {
    if (taken <= this.#taken || taken > this.#sent) return;
    this.#taken = taken;
    this.#wake?.();
  }

  override opened(): void {}

  override settled(_message: OutMessage, outcome: Outcome, reason: string | undefined): void {
    if (outcome === 'delivered' || outcome === 'peer-gone' || this.cancelled) return;
    const error = new BusError('NO_ROUTE', reason ?? outcome, { where: `chunk of ${this.#recipe.name}` });
    this.#owner.refused(this, error);
  }

  override cancel(reason: BusError): void {
    if (this.cancelled) return;
    super.cancel(reason);
    this.#wake?.();
    if (this.#source !== undefined) this.#stop();
  }

  /** A source that will not be stopped is told of, and waited for by nobody. */
  #stop(): void {
    try {
      const stopping = this.#source?.stop();
      if (isThenable(stopping)) Promise.resolve(stopping).catch((error: unknown) => this.#owner.stopFailed(error));
    } catch (error) {
      this.#owner.stopFailed(error);
    }
  }
}
