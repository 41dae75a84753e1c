import { KIND } from '../contract/index.ts';
import type { Link } from './link.ts';
import type { Route } from './route.ts';

/** A question that the peer's dispatcher answers. */
interface Ping {
  readonly answered: () => void;
  /** The one route that it has to take. */
  readonly over: Route | undefined;
  sent: boolean;
}

const NO_PAYLOAD = new Uint8Array(0);

/** What the peer is asked over the data routes: whoever has the answer knows that all written before has been read. */
export class Pings {
  readonly #link: Link;
  readonly #open = new Map<number, Ping>();
  #nextId = 1;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Over whatever route; `answered` is called once. */
  ask(answered: () => void): void {
    const id = this.#nextId++;
    this.#open.set(id, { answered, over: undefined, sent: true });
    this.#link.owe(KIND.PING, id, NO_PAYLOAD);
  }

  /** Resolves when the peer has read all that `route` carried so far, or the route is gone. */
  readThrough(route: Route): Promise<void> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const sent = route.writeControl(KIND.PING, id, NO_PAYLOAD);
      this.#open.set(id, { answered: resolve, over: route, sent });
    });
  }

  /** There is room again: those that found none on their route are sent. */
  sendWaiting(): void {
    for (const [id, ping] of this.#open)
      if (ping.over !== undefined && !ping.sent) ping.sent = ping.over.writeControl(KIND.PING, id, NO_PAYLOAD);
  }

  /** The peer has answered. */
  answered(id: number): void {
    const ping = this.#open.get(id);
    this.#open.delete(id);
    ping?.answered();
  }

  /** `route` brings no answers any more to what was asked over it alone. */
  lost(route: Route): void {
    for (const [id, { over }] of this.#open) if (over === route) this.answered(id);
  }

  /** No route brings any. Who asked over whatever route has a deadline. */
  end(): void {
    for (const [id, { over }] of this.#open) if (over !== undefined) this.answered(id);
    this.#open.clear();
  }
}
