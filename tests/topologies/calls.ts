import { type Bus, isBusError } from '@busbar/core';
import type { Actor, Ledger } from './ledger.ts';

/** One request or stream: who ran it, and how it ended. */
interface Asked {
  readonly what: string;
  readonly from: Actor;
  readonly ranAt: Actor[];
  result: string;
}

/** What a bus tells who asks, when somebody has closed, left or died, or was never there. */
const FAILURES = new Set(['NO_RESPONDERS', 'PEER_GONE', 'CLOSED', 'ABORTED']);
const MOST_CHUNKS = 12;

/** Requests and streams of one world: each runs at one server at most, and is answered by what that said. */
export class Calls {
  readonly asked: Asked[] = [];
  readonly #ledger: Ledger;
  readonly #pause: () => Promise<void>;
  /** By participant and name. */
  readonly #services = new Map<string, { close(): void }>();

  /** `pause`: work that takes until a step ends it. */
  constructor(ledger: Ledger, pause: () => Promise<void>) {
    this.#ledger = ledger;
    this.#pause = pause;
  }

  serve(actor: Actor, bus: Bus, name: string): void {
    const key = `${actor.id} ${name}`;
    if (this.#services.has(key)) return;
    const began = (number: number): void => {
      if (actor.life !== 'killed') this.asked[number].ranAt.push(actor);
    };
    const pause = this.#pause;
    const service = name.startsWith('s.')
      ? bus.serveStream(
          name,
          async function* (number: number) {
            began(number);
            for (let i = 0; i < number % MOST_CHUNKS; i++) {
              if (i % 5 === 4) await pause();
              yield new Uint8Array(300).fill(i);
            }
            return number;
          },
          { concurrency: 2 },
        )
      : bus.serve(
          name,
          async (number: number) => {
            began(number);
            if (number % 2 === 0) await pause();
            return number;
          },
          { concurrency: 2 },
        );
    this.#services.set(key, service);
  }

  unserve(actor: Actor, name: string): void {
    const key = `${actor.id} ${name}`;
    this.#services.get(key)?.close();
    this.#services.delete(key);
  }

  request(actor: Actor, bus: Bus, name: string): Promise<void> {
    return this.#ask(actor, name, (number) => bus.request(name, number));
  }

  open(actor: Actor, bus: Bus, name: string): Promise<void> {
    return this.#ask(actor, name, async (number) => {
      const opened = bus.open<number, Uint8Array, number>(name, number);
      opened.result.catch(() => {});
      let count = 0;
      for await (const chunk of opened) {
        if (chunk[0] !== count)
          this.#ledger.find('reordered', `chunk ${chunk[0]} of ${name} ${number} came as ${count}`);
        count++;
      }
      if (count !== number % MOST_CHUNKS) this.#ledger.find('lost', `of ${name} ${number} came ${count} chunks`);
      return opened.result;
    });
  }

  async #ask(from: Actor, what: string, call: (number: number) => Promise<unknown>): Promise<void> {
    const number = this.asked.length;
    const asked: Asked = { what: `${what} ${number} of ${from.name}`, from, ranAt: [], result: 'open' };
    this.asked.push(asked);
    try {
      const answer = await call(number);
      asked.result = 'ok';
      if (answer !== number) this.#ledger.find('corrupt', `${asked.what} was answered ${String(answer)}`);
    } catch (error) {
      asked.result = isBusError(error) ? error.code : String(error);
    }
  }

  /** At rest. */
  check(allLived: boolean): void {
    for (const { what, from, ranAt, result } of this.asked) {
      if (ranAt.length > 1) this.#ledger.find('duplicated', `${what} ran ${ranAt.length} times`);
      if (result === 'open') this.#ledger.find('hung', what);
      else if (result === 'ok') {
        // The dead may go on asking themselves.
        if (ranAt.length === 0 && from.life !== 'killed') this.#ledger.find('wrong', `${what} was answered by nobody`);
      } else if (!FAILURES.has(result) || (allLived && result !== 'NO_RESPONDERS'))
        this.#ledger.find('wrong', `${what} ended with ${result}`);
    }
  }
}
