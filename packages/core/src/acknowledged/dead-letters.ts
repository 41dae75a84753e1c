import { assertNotAborted, resolveDeadline } from '../call-options.ts';
import type { CodecTable } from '../codecs/index.ts';
import {
  allocateFrameBuffer,
  assertPattern,
  BusError,
  type FrameBuffer,
  type Logger,
  PRIORITIES,
  type Priority,
  shown,
} from '../contract/index.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Outgoing } from '../delivery/outgoing.ts';
import { PublishCall } from '../delivery/publish-call.ts';
import type { Interest } from '../interest/interest.ts';
import { PatternTrie } from '../interest/trie.ts';
import type { Limits } from '../limits.ts';
import { parseHeaders } from '../link/headers.ts';
import { ON_FULL } from '../link/out-message.ts';
import type { Receipt } from '../outcomes.ts';
import type { DeadLetterStore, StoredLetter } from './dead-letter-store.ts';
import { timeOfAll } from './terms.ts';
import type { FailedAttempt, Unacknowledged } from './unacknowledged.ts';

/** A message that nobody could process. */
export interface DeadLetter
  extends Pick<StoredLetter, 'number' | 'topic' | 'group' | 'id' | 'at' | 'reason' | 'attempts'> {
  readonly path: readonly FailedAttempt[];
  readonly priority: Priority;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** What was published, decoded afresh; the encoded bytes where that fails. */
  readonly data: unknown;
}

/** The messages this bus has published as `acknowledged` and nobody could process: `bus.deadLetters`. */
export interface DeadLetterBox {
  readonly size: number;
  /** Oldest first; with a pattern, those of matching topics. @throws BusError INVALID_PATTERN */
  list(pattern?: string): readonly DeadLetter[];
  /**
   * Takes a letter out and publishes it again, as the same message, marked as redelivered: one of a group to that group,
   * any other to all who subscribe outside of groups. Who has processed it not long ago ignores it. Settles as `publish`
   * does; what is not processed is a letter again, with a new number, though the deadline may have ended it.
   *
   * @throws BusError (as rejection) INVALID_OPTION when there is no such letter; NO_RESPONDERS when nobody wants it, and then
   * it stays; what `publish` rejects with.
   */
  requeue(number: number, options?: { deadline?: number; signal?: AbortSignal }): Promise<Receipt>;
  /** Forgets a letter. False: there is none of that number. */
  drop(number: number): boolean;
}

export interface DeadLettersHost {
  readonly codecs: CodecTable;
  readonly interest: Interest;
  readonly outgoing: Outgoing;
  readonly deadlines: Deadlines;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly deadLetterStore: DeadLetterStore;
  readonly closed: boolean;
  /** A letter was written. */
  deadLettered(letter: DeadLetter): void;
  holdProcess(): void;
  releaseProcess(): void;
}

/** Between the ledger, which writes dead letters, and the application, which reads them. */
export class DeadLetters implements DeadLetterBox {
  readonly #host: DeadLettersHost;
  #last = 0;

  constructor(host: DeadLettersHost) {
    this.#host = host;
    for (const { number } of host.deadLetterStore.letters()) this.#last = Math.max(this.#last, number);
  }

  get size(): number {
    return this.#host.deadLetterStore.size;
  }

  /** `delivery` is given up. The letter has bytes of its own: the delivery's share a block with others'. */
  bury({ id, topic, shipment, terms, attempts, failed }: Unacknowledged, reason: string): void {
    const { start, size, priority, flow, keyed, headers, codec } = shipment;
    const letter: StoredLetter = {
      number: ++this.#last,
      topic: topic.name,
      group: topic.group,
      id,
      at: Date.now(),
      reason,
      attempts,
      path: failed,
      priority,
      flow,
      keyed,
      ackTimeoutMs: terms.ackTimeoutMs,
      maxDeliveries: terms.maxDeliveries,
      headers,
      codec,
      payload: shipment.payload.u8.slice(start, start + size),
    };
    this.#keep(letter);
    this.#host.deadLettered(this.#open(letter));
  }

  /** The store may be the application's, and what it throws must not stop a turn of the bus. */
  #keep(letter: StoredLetter): void {
    const { deadLetterStore, logger } = this.#host;
    try {
      for (const { number, topic, reason } of deadLetterStore.add(letter))
        logger.warn('a dead letter made room for newer ones', { number, topic, reason });
    } catch (error) {
      const { number, topic, reason } = letter;
      logger.error('a dead letter could not be kept', { number, topic, reason, error: String(error) });
    }
  }

  list(pattern?: string): readonly DeadLetter[] {
    const letters = [...this.#host.deadLetterStore.letters()];
    if (pattern === undefined) return letters.map((letter) => this.#open(letter));
    assertPattern(pattern, 'deadLetters.list');
    const wanted = new PatternTrie<true>();
    wanted.add(pattern, true);
    return letters.filter(({ topic }) => wanted.match(topic).length > 0).map((letter) => this.#open(letter));
  }

  #open(letter: StoredLetter): DeadLetter {
    const { number, topic, group, id, at, reason, attempts, path, headers, payload, codec } = letter;
    return {
      number,
      topic,
      group,
      id,
      at,
      reason,
      attempts,
      path,
      priority: PRIORITIES[letter.priority],
      headers: headers === undefined ? undefined : parseHeaders(headers, 0, headers.length),
      data: this.#decode(codec, payload),
    };
  }

  /** It may have been given up because nobody can read it. */
  #decode(codec: number, payload: Uint8Array): unknown {
    try {
      return this.#host.codecs.decode(codec, bufferOf(payload), 0, payload.length);
    } catch {
      return payload.slice();
    }
  }

  async requeue(number: number, options?: { deadline?: number; signal?: AbortSignal }): Promise<Receipt> {
    const host = this.#host;
    const where = `deadLetters.requeue ${shown(number)}`;
    if (host.closed) throw new BusError('CLOSED', 'the bus is closed', { where });
    const letter = host.deadLetterStore.get(number);
    if (letter === undefined) {
      throw new BusError('INVALID_OPTION', 'there is no such letter', { where, remedy: 'take its number from list()' });
    }
    const { ackTimeoutMs, maxDeliveries, payload, topic, group } = letter;
    const usual = timeOfAll(letter) + host.limits.deadlineMs;
    const deadline = resolveDeadline(options?.deadline, usual, where);
    assertNotAborted(options?.signal, where);
    const entry = host.interest.entry(topic);
    if (host.outgoing.audience(entry, group) === 0) {
      throw new BusError('NO_RESPONDERS', `nobody subscribes to ${topic}`, {
        where,
        remedy: 'requeue it when somebody does',
      });
    }
    host.deadLetterStore.delete(number);
    const shipment = {
      payload: bufferOf(payload),
      start: 0,
      size: payload.length,
      codec: letter.codec,
      priority: letter.priority,
      reliable: true,
      acknowledged: { ackTimeoutMs, maxDeliveries, isRequeued: true },
      flow: letter.flow,
      keyed: letter.keyed,
      headers: letter.headers,
      expiry: 0,
      via: undefined,
      onFull: ON_FULL.WAIT,
      lent: undefined,
      value: undefined,
      byReference: false,
    };
    const call = new PublishCall(topic, host, options?.signal);
    host.outgoing.again(entry, group, shipment, letter.id, call);
    call.submitted(deadline);
    return call.promise;
  }

  drop(number: number): boolean {
    return this.#host.deadLetterStore.delete(number);
  }
}

/** A copy: what the store has stays as it is. */
function bufferOf(payload: Uint8Array): FrameBuffer {
  const buffer = allocateFrameBuffer(payload.length);
  buffer.u8.set(payload);
  return buffer;
}
