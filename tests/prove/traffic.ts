import { between, random } from '@busbar/conformance/campaigns';
import { type Bus, OK, type Publisher } from '@busbar/core';
import { contentOf } from './stream-check.ts';

/** A promise that has not settled by then hangs; calls have a shorter deadline of their own. */
const SETTLE_MS = 15_000;
const DEADLINE_MS = 10_000;
/** Enough calls under way to be met by a kill, few enough to stay small. */
const MAX_CALLS = 64;
const LARGEST_BYTES = 200_000;

export interface TrafficReport {
  /** Messages accepted by the bus, by topic. */
  readonly sent: Record<string, number>;
  /** Promises that did not settle. */
  readonly hung: number;
  /** Deliveries that `flush` or receipts tell as neither delivered nor peer-gone. */
  readonly failed: number;
}

/**
 * What one participant sends while a campaign runs: small and large messages of several priorities through publishers,
 * publishes with receipts, and requests, in an order that follows from the seed.
 */
export class Traffic {
  readonly #bus: Bus;
  readonly #onError: (error: unknown) => void;
  readonly #small: Publisher<Uint8Array>;
  readonly #large: Publisher<Uint8Array>;
  readonly #urgent: string;
  readonly #calls = new Set<Promise<void>>();
  #sent: Record<string, number> = {};
  #failed = 0;
  #running = false;
  #loop: Promise<void> = Promise.resolve();

  /** `onError` is told of every call that rejects. */
  constructor(bus: Bus, onError: (error: unknown) => void) {
    this.#bus = bus;
    this.#onError = onError;
    this.#small = bus.publisher(`work.${bus.self.name}.small`);
    this.#large = bus.publisher(`work.${bus.self.name}.large`, { priority: 'batch' });
    this.#urgent = `work.${bus.self.name}.urgent`;
  }

  start(round: number, seed: number): void {
    this.#sent = {};
    this.#failed = 0;
    this.#running = true;
    this.#loop = this.#run(round, random(seed));
  }

  async #run(round: number, next: () => number): Promise<void> {
    while (this.#running) {
      const dice = next();
      if (dice < 0.6) await this.#burst(this.#small, round, between(next, 1, 60), () => between(next, 0, 300));
      else if (dice < 0.8) await this.#burst(this.#large, round, 1, () => between(next, 1_000, LARGEST_BYTES));
      else if (dice < 0.9) this.#publish(round, between(next, 0, 2_000));
      else this.#request(next);
      while (this.#calls.size >= MAX_CALLS) await Promise.race(this.#calls);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async #burst(publisher: Publisher<Uint8Array>, round: number, count: number, size: () => number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const content = contentOf(round, this.#sent[publisher.topic] ?? 0, size());
      while (publisher.send(content) !== OK) {
        await publisher.writable();
        if (!this.#running) return;
      }
      this.#count(publisher.topic);
    }
  }

  #count(topic: string): void {
    this.#sent[topic] = (this.#sent[topic] ?? 0) + 1;
  }

  #publish(round: number, size: number): void {
    const content = contentOf(round, this.#sent[this.#urgent] ?? 0, size);
    this.#count(this.#urgent);
    this.#track(
      this.#bus
        .publish(this.#urgent, content, { priority: 'critical', deadline: DEADLINE_MS })
        .then(({ deliveries }) => {
          for (const { outcome } of deliveries) if (outcome !== 'delivered' && outcome !== 'peer-gone') this.#failed++;
        }),
    );
  }

  #request(next: () => number): void {
    const peers = this.#bus.peers;
    if (peers.length === 0) return;
    const question = between(next, 0, 1_000_000);
    const call = `echo.${peers[between(next, 0, peers.length - 1)].name}`;
    this.#track(
      this.#bus.request<number, number>(call, question, { deadline: DEADLINE_MS }).then((answer) => {
        if (answer !== question) throw new Error(`${call} answered ${answer} to ${question}`);
      }),
    );
  }

  #track(call: Promise<unknown>): void {
    const tracked = call.then(() => {}, this.#onError).finally(() => this.#calls.delete(tracked));
    this.#calls.add(tracked);
  }

  /** Stops sending and waits for everything under way. */
  async stop(): Promise<TrafficReport> {
    this.#running = false;
    let hung = 0;
    const give = async (what: Promise<unknown>): Promise<void> => {
      if (!(await settles(what))) hung++;
    };
    const flush = async (publisher: Publisher<Uint8Array>): Promise<void> => {
      const { failed } = await publisher.flush();
      for (const { outcome, count } of failed) if (outcome !== 'peer-gone') this.#failed += count;
    };
    await give(this.#loop);
    await Promise.all([flush(this.#small), flush(this.#large), ...this.#calls].map(give));
    return { sent: this.#sent, hung, failed: this.#failed };
  }
}

async function settles(promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), SETTLE_MS);
  });
  const settled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}
