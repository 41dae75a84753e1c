import { resolveDeadline } from '../call-options.ts';
import { raw } from '../codecs/index.ts';
import { BACK_PRESSURED, BusError, CLOSED, NOT_CONNECTED, OK, type SendResult } from '../contract/index.ts';
import type { Expiry } from '../expiry.ts';
import type { TopicEntry } from '../interest/topic-entry.ts';
import type { LentPayload } from '../link/lent-payload.ts';
import { NO_BYTES, type Settlement, type UnderWay } from '../link/out-message.ts';
import { isSuccess, type Outcome } from '../outcomes.ts';
import type { ResolvedQos } from '../qos.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';
import type { Encoder } from './encoder.ts';
import { type LendingHost, takeMemory } from './lending.ts';
import { Loan } from './loan.ts';
import type { Outgoing, Shipment } from './outgoing.ts';

/** What became of everything sent since the last `flush`. */
export interface FlushReport {
  /** Delivered, or processed where acknowledged. */
  readonly delivered: number;
  /** Deliveries that ended otherwise, by outcome, with the last reason given. */
  readonly failed: readonly { readonly outcome: Outcome; readonly count: number; readonly reason: string }[];
}

/** The hot path: a topic resolved once, results as numbers, no promise per message. */
export interface Publisher<T = unknown> {
  readonly topic: string;
  /**
   * Sends to every subscriber. OK: accepted. BACK_PRESSURED: some reliable target has no credit, nothing was sent to
   * anybody. NOT_CONNECTED: nobody subscribes, and the message is to be acknowledged. After either wait for `writable()`.
   * CLOSED: the bus is closed.
   *
   * | allocates            | blocks | syscalls              | callable from    |
   * | the encoded payload  | no     | 0 (the end of a turn) | the bus's thread |
   *
   * @throws BusError NOT_SERIALIZABLE | SCHEMA_MISMATCH | TOO_LARGE
   */
  send(value: T): SendResult;
  /**
   * Memory of exactly `bytes` to fill in and send without a copy: who shares a transport with regions (shared memory) is
   * told where it is, everybody else gets the bytes. It may bear what was in it before. Waits while all there is is lent.
   *
   * @throws BusError (as rejection) TRANSPORT_UNAVAILABLE: no installed transport has regions; TOO_LARGE;
   * DEADLINE_EXCEEDED after `deadline` ms, default `limits.deadlineMs`: subscribers keep what they were lent; MISUSE: the
   * topic has a schema, and these are bytes; INVALID_OPTION, RESOURCE_EXHAUSTED, CLOSED.
   */
  loan(bytes: number, options?: { deadline?: number }): Promise<Loan>;
  /**
   * Resolves when `send` may be tried again after BACK_PRESSURED or NOT_CONNECTED.
   * @throws BusError (as rejection) CLOSED; DEADLINE_EXCEEDED after `deadline` ms, default `limits.deadlineMs`: somebody
   * does not read, or nobody has subscribed; INVALID_OPTION.
   */
  writable(options?: { deadline?: number }): Promise<void>;
  /**
   * Resolves when everything sent so far is settled, with what did not succeed.
   * @throws BusError (as rejection) DEADLINE_EXCEEDED after `deadline` ms, default `limits.deadlineMs`: what is open stays
   * under way, and the next `flush` reports it; INVALID_OPTION.
   */
  flush(options?: { deadline?: number }): Promise<FlushReport>;
}

/** What a publisher needs of its bus. */
export interface PublisherHost extends LendingHost {
  readonly outgoing: Outgoing;
  readonly encoder: Encoder;
  readonly expiry: Expiry;
  /** Calls back once when credit returned somewhere, or the bus closed. */
  awaitRoom(callback: () => void): void;
}

export class TopicPublisher implements Publisher, Settlement {
  readonly topic: string;
  readonly #host: PublisherHost;
  readonly #entry: TopicEntry;
  readonly #schema: StandardSchema | undefined;
  readonly #shipment: Shipment;
  /** Nothing is sent to anybody while a target has no credit; else the message says what becomes of it. */
  readonly #refusesWhenFull: boolean;
  /** 0: none. */
  readonly #ttl: number;
  #lastBytes = 0;
  #pending = 0;
  #delivered = 0;
  readonly #failures = new Map<Outcome, { count: number; reason: string }>();
  readonly #flushes = new Set<(report: FlushReport) => void>();

  constructor(
    host: PublisherHost,
    entry: TopicEntry,
    schema: StandardSchema | undefined,
    qos: ResolvedQos,
    {
      acknowledged,
      flow,
      keyed,
      via,
      onFull,
      byReference,
    }: Pick<Shipment, 'acknowledged' | 'flow' | 'keyed' | 'via' | 'onFull' | 'byReference'>,
    refusesWhenFull: boolean,
    ttl: number,
  ) {
    this.topic = entry.name;
    this.#host = host;
    this.#entry = entry;
    this.#schema = schema;
    this.#refusesWhenFull = refusesWhenFull;
    this.#ttl = ttl;
    this.#shipment = {
      payload: NO_BYTES,
      start: 0,
      size: 0,
      codec: 0,
      priority: qos.priority,
      reliable: qos.reliability !== 'best-effort',
      acknowledged,
      flow,
      keyed,
      headers: undefined,
      expiry: 0,
      via,
      onFull,
      lent: undefined,
      value: undefined,
      byReference,
    };
  }

  send(value: unknown): SendResult {
    const { closed, outgoing, encoder } = this.#host;
    if (closed) return CLOSED;
    const entry = this.#entry;
    const shipment = this.#shipment;
    // Asked before encoding, with the size of the message before: a full window should not cost an encoding.
    const expected = this.#lastBytes;
    if (shipment.acknowledged !== undefined && outgoing.audience(entry) === 0) return NOT_CONNECTED;
    const refuses = this.#refusesWhenFull;
    if (refuses && outgoing.admits(entry, expected, shipment) !== OK) return BACK_PRESSURED;
    const checked = this.#schema === undefined ? value : validate(this.#schema, value, `publish ${this.topic}`);
    if (shipment.byReference) {
      shipment.value = checked;
      // What is to be acknowledged may become a dead letter.
      if (shipment.acknowledged !== undefined || !outgoing.staysHere(entry))
        encoder.into(shipment, checked, this.topic);
    } else encoder.into(shipment, checked, this.topic);
    this.#lastBytes = shipment.size;
    if (refuses && shipment.size > expected && outgoing.admits(entry, shipment.size, shipment) !== OK)
      return BACK_PRESSURED;
    if (this.#ttl > 0) shipment.expiry = this.#host.expiry.after(this.#ttl);
    outgoing.send(entry, shipment, this);
    return OK;
  }

  async loan(bytes: number, options?: { deadline?: number }): Promise<Loan> {
    const where = `publisher ${this.topic}`;
    const deadline = this.#deadline(options);
    if (this.#schema !== undefined) {
      throw new BusError('MISUSE', 'bytes that are lent cannot be checked by a schema', {
        where,
        remedy: 'make the publisher with a plain topic name, or use send()',
      });
    }
    if (this.#shipment.byReference) {
      throw new BusError('MISUSE', 'local subscribers cannot be handed memory that is used again', {
        where,
        remedy: "make a publisher without local: 'reference'",
      });
    }
    return new Loan(await takeMemory(this.#host, bytes, deadline, where), this);
  }

  /** Sends what `loan` gave; the payload is the loan's to release. */
  sendLent(lent: LentPayload): SendResult {
    const { closed, outgoing, encoder } = this.#host;
    if (closed) return CLOSED;
    const entry = this.#entry;
    const shipment = this.#shipment;
    if (shipment.acknowledged !== undefined && outgoing.audience(entry) === 0) return NOT_CONNECTED;
    this.#lastBytes = lent.bytes;
    if (this.#refusesWhenFull && outgoing.admits(entry, lent.bytes, shipment) !== OK) return BACK_PRESSURED;
    // What may have to be sent again, or become a dead letter, is kept in private memory.
    if (shipment.acknowledged !== undefined) encoder.into(shipment, lent.slab.view, this.topic);
    else {
      shipment.codec = raw.id;
      shipment.payload = lent.buffer;
      shipment.start = 0;
      shipment.size = lent.bytes;
      shipment.lent = lent;
    }
    if (this.#ttl > 0) shipment.expiry = this.#host.expiry.after(this.#ttl);
    try {
      outgoing.send(entry, shipment, this);
    } finally {
      shipment.lent = undefined;
    }
    return OK;
  }

  opened(_message: UnderWay): void {
    if (this.#pending++ === 0) this.#host.holdProcess();
  }

  settled(_message: UnderWay, outcome: Outcome, reason: string | undefined): void {
    if (isSuccess(outcome)) this.#delivered++;
    else {
      const failure = this.#failures.get(outcome);
      if (failure === undefined) this.#failures.set(outcome, { count: 1, reason: reason ?? '' });
      else {
        failure.count++;
        failure.reason = reason ?? failure.reason;
      }
    }
    if (--this.#pending > 0) return;
    this.#host.releaseProcess();
    if (this.#flushes.size === 0) return;
    const report = this.#report();
    for (const resolve of this.#flushes) resolve(report);
    this.#flushes.clear();
  }

  async writable(options?: { deadline?: number }): Promise<void> {
    const deadline = this.#deadline(options);
    let waiting = true;
    const room = new Promise<void>((resolve, reject) => {
      const attempt = (): void => {
        if (this.#host.closed)
          reject(new BusError('CLOSED', 'the bus is closed', { where: `publisher ${this.topic}` }));
        else if (this.#admits()) resolve();
        else if (waiting) this.#host.awaitRoom(attempt);
      };
      attempt();
    });
    this.#host.holdProcess();
    try {
      await this.#host.deadlines.within(room, deadline, () => {
        waiting = false;
        return this.#isUnheard()
          ? this.#late('nobody has subscribed in time', 'start a subscriber, or look why it has not joined')
          : this.#late('no credit in time');
      });
    } finally {
      this.#host.releaseProcess();
    }
  }

  /** Nobody subscribes to what somebody shall acknowledge. */
  #isUnheard(): boolean {
    return this.#shipment.acknowledged !== undefined && this.#host.outgoing.audience(this.#entry) === 0;
  }

  #admits(): boolean {
    if (this.#isUnheard()) return false;
    return !this.#refusesWhenFull || this.#host.outgoing.admits(this.#entry, this.#lastBytes, this.#shipment) === OK;
  }

  async flush(options?: { deadline?: number }): Promise<FlushReport> {
    const deadline = this.#deadline(options);
    if (this.#pending === 0) return this.#report();
    let settle!: (report: FlushReport) => void;
    const settled = new Promise<FlushReport>((resolve) => {
      settle = resolve;
    });
    this.#flushes.add(settle);
    return this.#host.deadlines.within(settled, deadline, () => {
      // The report is for who still waits, or for the next.
      this.#flushes.delete(settle);
      return this.#late('not everything was settled in time');
    });
  }

  #deadline(options: { deadline?: number } | undefined): number {
    return resolveDeadline(options?.deadline, this.#host.limits.deadlineMs, `publisher ${this.topic}`);
  }

  #late(what: string, remedy = 'look for a subscriber that is stopped or far behind'): BusError {
    return new BusError('DEADLINE_EXCEEDED', what, { where: `publisher ${this.topic}`, remedy });
  }

  #report(): FlushReport {
    const failed = [...this.#failures].map(([outcome, { count, reason }]) => ({ outcome, count, reason }));
    const report = { delivered: this.#delivered, failed };
    this.#delivered = 0;
    this.#failures.clear();
    return report;
  }
}
