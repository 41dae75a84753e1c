import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, OK, type Publisher, type Subscription } from '@busbar/core';
import { MESSAGE_BYTES, Ping, Pong } from './contracts.ts';
import type { Turn } from './turn.ts';

/**
 * Bursts of messages without a pause, and rests between them, as traffic comes. The bus polls its inbox in every turn of the
 * event loop while messages follow each other, and for 50 us after the last.
 */
const BURST_MS = 4;
const REST_MS = 40;
/** Long enough for both sides to be asleep when the next message comes: the bus polls for 50 us after the last one. */
const PAUSE_MS = 2;

/** The asking side's end of the bus. */
export class BusLine {
  readonly #pings: Publisher<Uint8Array>;
  readonly #pongs: Subscription<Uint8Array>;
  readonly #message = new Uint8Array(MESSAGE_BYTES);
  #answered = (): void => {};

  constructor(bus: Bus) {
    this.#pings = bus.publisher(Ping);
    this.#pongs = bus.subscribe(Pong, () => this.#answered());
  }

  /** Resolves when the other side's answers would arrive. */
  get ready(): Promise<void> {
    return this.#pongs.ready;
  }

  /** Messages without a rest. */
  steady(turn: Turn): Promise<void> {
    return this.#burst(turn, Number.POSITIVE_INFINITY);
  }

  /** Messages in bursts, both sides awake in their event loops. */
  async hot(turn: Turn): Promise<void> {
    while (!turn.over(performance.now())) {
      // The first of a burst has to wake the other side, which is what `park` measures.
      await this.#roundTrip();
      await this.#burst(turn, BURST_MS);
      turn.idle(performance.now());
      await sleep(REST_MS);
    }
  }

  /** One message after a pause, again and again: both sides sleep until the doorbell rings. */
  async park(turn: Turn): Promise<void> {
    while (!turn.over(performance.now())) {
      await this.#burst(turn, 0);
      turn.idle(performance.now());
      await sleep(PAUSE_MS);
    }
  }

  /** Round trips for so long, or until the turn is over; at least one. All are counted. */
  #burst(turn: Turn, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      let sentAt = performance.now();
      const endsAt = sentAt + milliseconds;
      this.#answered = () => {
        const now = performance.now();
        turn.roundTrip(now - sentAt);
        if (now >= endsAt || turn.over(now)) {
          resolve();
          return;
        }
        sentAt = now;
        this.#send();
      };
      this.#send();
    });
  }

  #roundTrip(): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#send();
    });
  }

  #send(): void {
    const result = this.#pings.send(this.#message);
    if (result !== OK) throw new Error(`a message could not be sent: ${result}`);
  }
}
