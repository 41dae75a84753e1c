import { nextTick } from 'node:process';
import type { Link } from './link.ts';
import type { Route } from './route.ts';

const RESOLVED = Promise.resolve();

/**
 * What is left for the end of a turn: confirm and credit frames of links that owe some, then one flush a route. So all
 * frames of a turn leave in one write, and answers ride with them.
 *
 * The end of a turn is when the microtask queue has drained: a microtask that queues a tick comes after every promise
 * continuation of the turn, before the event loop goes on.
 */
export class TurnEnd {
  readonly #links: Link[] = [];
  readonly #routes: Route[] = [];
  #scheduled = false;

  /** `link` owes confirm or credit. */
  answerLink(link: Link): void {
    if (link.answerQueued) return;
    link.answerQueued = true;
    this.#links.push(link);
    this.#schedule();
  }

  /** `route` has frames committed and not flushed. */
  flushRoute(route: Route): void {
    if (route.flushQueued) return;
    route.flushQueued = true;
    this.#routes.push(route);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not queueMicrotask, which makes an async resource and a bound function of every call.
    RESOLVED.then(this.#afterMicrotasks);
  }

  readonly #afterMicrotasks = (): void => {
    nextTick(this.run);
  };

  /** Also called by the dispatcher between two batches, so that credit flows while a long backlog is read. */
  readonly run = (): void => {
    this.#scheduled = false;
    const links = this.#links;
    for (let i = 0; i < links.length; i++) {
      links[i].answerQueued = false;
      links[i].inbound.answers.send();
    }
    links.length = 0;
    const routes = this.#routes;
    for (let i = 0; i < routes.length; i++) routes[i].flush();
    routes.length = 0;
  };
}
