import { failureOf } from './calls/remote-failure.ts';
import { BusError, isBusError, type Lease, PRIORITIES } from './contract/index.ts';
import type { CreditHold } from './credit.ts';
import type { Message } from './message.ts';
import type { StandardSchema } from './standard-schema.ts';
import { isThenable } from './thenable.ts';

export type MessageHandler<T> = (message: Message<T>) => unknown;

/** Interest in a pattern, until closed. */
export interface Subscription<T = unknown> extends AsyncIterable<Message<T>>, Disposable {
  readonly pattern: string;
  /** Resolves when every peer connected now has acknowledged the subscription. */
  readonly ready: Promise<void>;
  /** Messages that wait for a handler or for the iterator. */
  readonly queued: number;
  /** Ends it: iterators finish, waiting messages are given up, running handlers go on. */
  close(): void;
}

/** A message that waits for a subscription. */
export interface Waiting {
  readonly message: Message;
  readonly flow: number;
  readonly hold: CreditHold;
}

/** What a subscription needs of its bus. */
export interface SubscriptionHost {
  handlerFailed(error: BusError): void;
  /** A promise of the application goes on in this turn. */
  awaitContinuations(): void;
  /** True when the time of what is held has passed; that is counted, once. */
  isExpired(hold: CreditHold): boolean;
  /** A group's messages that a closed member leaves, with their credit. */
  givenUp(subscription: ActiveSubscription, work: readonly Waiting[]): void;
  /** Announces that the subscription is gone. */
  unsubscribed(subscription: ActiveSubscription): void;
}

/** One iterator: what its reader works on, until it asks for the next. */
interface Reader {
  lent: CreditHold | undefined;
}

/** It waits for a message. */
interface Pull {
  readonly reader: Reader;
  readonly resolve: (result: IteratorResult<Message>) => void;
}

/**
 * A subscription at work. By default one message at a time per flow, awaiting promises, flows beside each other; with
 * `concurrency` at most so many at once, the most urgent first. Without a handler messages wait for the iterator.
 * What waits holds its sender's credit, so a slow subscription stops its own publishers and nobody else. What is worked on
 * holds it, too, when it is a group's or to be acknowledged (`WorkHold`).
 */
export class ActiveSubscription implements Subscription {
  readonly pattern: string;
  /** The group it shares its messages with. */
  readonly group: string | undefined;
  readonly schema: StandardSchema | undefined;
  /** It gets its messages as leases. */
  readonly lease: boolean;
  ready: Promise<void> = Promise.resolve();

  readonly #host: SubscriptionHost;
  readonly #handler: MessageHandler<unknown> | undefined;
  readonly #concurrency: number;
  /** Per-flow mode: flows whose handler's promise is pending, and what waits for it. */
  readonly #busy = new Map<number, Waiting[]>();
  /** Concurrency and iterator mode: what waits, by priority. */
  readonly #waiting: Waiting[][] = PRIORITIES.map(() => []);
  #active = 0;
  #queued = 0;
  #closed = false;
  /** Nothing new comes; the iterator ends after what is queued. */
  #ended = false;
  #idle: (() => void) | undefined;
  /** Those with something to work on. */
  readonly #readers = new Set<Reader>();
  readonly #pulls: Pull[] = [];

  constructor(
    host: SubscriptionHost,
    pattern: string,
    schema: StandardSchema | undefined,
    handler: MessageHandler<unknown> | undefined,
    concurrency: number | undefined,
    group?: string,
    lease = false,
  ) {
    this.#host = host;
    this.pattern = pattern;
    this.group = group;
    this.schema = schema;
    this.lease = lease;
    this.#handler = handler;
    this.#concurrency = concurrency ?? 0;
  }

  get queued(): number {
    return this.#queued;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Handlers are running, in either mode. */
  #isBusy(): boolean {
    return this.#active > 0 || this.#busy.size > 0;
  }

  /**
   * Takes nothing new, and resolves when the handler is done with what is here. An iterator ends after what is queued;
   * nobody can say when that is read, so it is not waited for.
   */
  finish(): Promise<void> {
    this.#host.unsubscribed(this);
    if (this.#handler === undefined) {
      this.#ended = true;
      if (this.#queued === 0) this.close();
      return Promise.resolve();
    }
    if (!this.#isBusy()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** True: `take` may be called for a message of `flow` now; false: `hold` it. */
  canTake(flow: number): boolean {
    if (this.#handler === undefined) return this.#pulls.length > 0;
    if (this.#concurrency > 0) return this.#active < this.#concurrency;
    return this.#busy.size === 0 || !this.#busy.has(flow);
  }

  /**
   * Runs the handler, or hands the message to a waiting iterator. `work` hears how that ends.
   *
   * | allocates                        | blocks | syscalls | callable from    |
   * | no, unless the handler is async  | no     | 0        | the bus's thread |
   */
  take(message: Message, flow: number, work?: CreditHold): void {
    work?.retain();
    this.#start(message, flow, undefined, work);
  }

  /** `backlog` is what waits behind this message in its flow, kept when the handler goes async. */
  #start(message: Message, flow: number, backlog: Waiting[] | undefined, work: CreditHold | undefined): void {
    if (this.#handler === undefined) {
      const { reader, resolve } = this.#pulls.shift() as Pull;
      this.#lend(reader, work);
      resolve({ done: false, value: message });
      this.#host.awaitContinuations();
      return;
    }
    let result: unknown;
    try {
      result = this.#handler(message);
    } catch (error) {
      this.#failed(error, message);
      work?.failed(error);
      return;
    }
    if (!isThenable(result)) {
      work?.done();
      return;
    }
    this.#host.awaitContinuations();
    if (this.#concurrency > 0) this.#active++;
    else this.#busy.set(flow, backlog ?? []);
    Promise.resolve(result).then(
      () => {
        work?.done();
        this.#settled(flow);
      },
      (error: unknown) => {
        this.#failed(error, message);
        work?.failed(error);
        this.#settled(flow);
      },
    );
  }

  #lend(reader: Reader, work: CreditHold | undefined): void {
    reader.lent?.done();
    reader.lent = work;
    if (work === undefined) this.#readers.delete(reader);
    else this.#readers.add(reader);
  }

  hold(message: Message, priority: number, flow: number, hold: CreditHold): void {
    hold.retain();
    this.#queued++;
    const entry = { message, flow, hold };
    if (this.#handler !== undefined && this.#concurrency === 0) this.#busy.get(flow)?.push(entry);
    else this.#waiting[priority].push(entry);
  }

  #settled(flow: number): void {
    this.#next(flow);
    if (!this.#isBusy()) this.#idle?.();
  }

  #next(flow: number): void {
    if (this.#concurrency > 0) {
      this.#active--;
      while (this.#active < this.#concurrency) {
        const next = this.#mostUrgent();
        if (next === undefined) return;
        this.#run(next);
      }
      return;
    }
    const backlog = this.#busy.get(flow) ?? [];
    this.#busy.delete(flow);
    while (backlog.length > 0 && !this.#closed && !this.#busy.has(flow)) {
      this.#run(backlog.shift() as Waiting, backlog);
    }
    // Closed by its own handler: what was taken out of `#busy` here is given up here.
    if (this.#closed) this.#giveUp(backlog.splice(0));
  }

  #run(waiting: Waiting, backlog?: Waiting[]): void {
    this.#queued--;
    const { message, flow, hold } = waiting;
    if (this.#host.isExpired(hold)) {
      this.#drop(waiting);
      return;
    }
    hold.begun();
    this.#start(message, flow, backlog, hold);
  }

  #mostUrgent(): Waiting | undefined {
    for (const queue of this.#waiting) {
      const first = queue.shift();
      if (first !== undefined) return first;
    }
    return undefined;
  }

  #failed(error: unknown, message: Message): void {
    const failure = isBusError(error)
      ? error
      : new BusError('HANDLER_FAILED', failureOf(error).message, {
          where: `subscription ${this.pattern}, message ${message.topic}`,
          cause: error,
        });
    this.#host.handlerFailed(failure);
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    if (this.#handler !== undefined) {
      throw new BusError('MISUSE', 'a subscription with a handler is not iterated', {
        where: `subscription ${this.pattern}`,
        remedy: 'subscribe without a handler to use for await',
      });
    }
    const reader: Reader = { lent: undefined };
    return {
      next: () => this.#pull(reader),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #pull(reader: Reader): Promise<IteratorResult<Message>> {
    this.#lend(reader, undefined);
    for (let first = this.#mostUrgent(); first !== undefined; first = this.#mostUrgent()) {
      this.#queued--;
      const { message, hold } = first;
      if (this.#host.isExpired(hold)) {
        this.#drop(first);
        continue;
      }
      hold.begun();
      this.#lend(reader, hold);
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#closed || this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#pulls.push({ reader, resolve }));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.unsubscribed(this);
    const left: Waiting[] = [];
    for (const queue of [...this.#waiting, ...this.#busy.values()]) left.push(...queue.splice(0));
    this.#queued = 0;
    // Nobody can say whether their readers are done with it.
    for (const { lent } of this.#readers) lent?.left();
    this.#readers.clear();
    this.#giveUp(left);
    this.#idle?.();
    for (const { resolve } of this.#pulls.splice(0)) resolve({ done: true, value: undefined });
  }

  /** What waits goes to other members of the group, where there is one. */
  #giveUp(left: readonly Waiting[]): void {
    if (left.length === 0) return;
    if (this.group !== undefined) this.#host.givenUp(this, left);
    else for (const waiting of left) this.#drop(waiting);
  }

  /** Nobody will see it. */
  #drop({ message, hold }: Waiting): void {
    if (this.lease) (message.data as Lease).release();
    hold.givenUp();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
