import type { FailedAttempt } from './unacknowledged.ts';

/** A message that nobody could process, as it is kept: encoded, with everything that sending it again takes. */
export interface StoredLetter {
  /** Counts up from 1; names it within one store. */
  readonly number: number;
  readonly topic: string;
  /** The group none of whose members could process it; undefined when it was one peer's. */
  readonly group: string | undefined;
  /** Message id, the same in every attempt. */
  readonly id: number;
  /** When it was given up, in ms since 1970. */
  readonly at: number;
  /** Why the last attempt failed. */
  readonly reason: string;
  /** How often it was sent. */
  readonly attempts: number;
  /** Each attempt that failed, in order. */
  readonly path: readonly FailedAttempt[];
  /** 0, critical, to 4, batch. */
  readonly priority: number;
  /** 0 to 63: the flow it travelled in. */
  readonly flow: number;
  /** The flow is that of an order key. */
  readonly keyed: boolean;
  readonly ackTimeoutMs: number;
  readonly maxDeliveries: number;
  /** Encoded headers map. */
  readonly headers: Uint8Array | undefined;
  /** The number of the codec that `payload` is encoded with. */
  readonly codec: number;
  readonly payload: Uint8Array;
}

/** Keeps dead letters. All methods return at once; `add` is called by the bus, in the middle of a turn. */
export interface DeadLetterStore {
  /** Keeps a letter, and answers with those it has given up for it. */
  add(letter: StoredLetter): readonly StoredLetter[];
  get(number: number): StoredLetter | undefined;
  /** False: there is none of that number. */
  delete(number: number): boolean;
  /** Oldest first. */
  letters(): Iterable<StoredLetter>;
  /** How many it holds. */
  readonly size: number;
}

/** What a letter takes beside its payload and headers, roughly. */
const LETTER_OVERHEAD = 512;

/** Dead letters in memory, up to so many bytes; then the oldest go. They live as long as the bus. */
export class MemoryDeadLetterStore implements DeadLetterStore {
  readonly #maxBytes: number;
  readonly #letters = new Map<number, StoredLetter>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#letters.size;
  }

  add(letter: StoredLetter): readonly StoredLetter[] {
    this.#letters.set(letter.number, letter);
    this.#bytes += bytesOf(letter);
    const evicted: StoredLetter[] = [];
    for (const oldest of this.#letters.values()) {
      if (this.#bytes <= this.#maxBytes || oldest === letter) break;
      this.delete(oldest.number);
      evicted.push(oldest);
    }
    return evicted;
  }

  get(number: number): StoredLetter | undefined {
    return this.#letters.get(number);
  }

  delete(number: number): boolean {
    const letter = this.#letters.get(number);
    if (letter === undefined) return false;
    this.#letters.delete(number);
    this.#bytes -= bytesOf(letter);
    return true;
  }

  letters(): Iterable<StoredLetter> {
    return this.#letters.values();
  }
}

function bytesOf({ payload, headers }: StoredLetter): number {
  return payload.length + (headers?.length ?? 0) + LETTER_OVERHEAD;
}
