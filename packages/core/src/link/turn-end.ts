import { nextTick } from 'node:process';
import type { Link } from './link.ts';
import type { Route } from './route.ts';

const RESOLVED = Promise.resolve();

/**
 * What is left for the end of a turn: receipts, confirm and credit frames of links that owe some, then one flush a route. So all
 * frames of a turn leave in one write, and answers ride with them.
 *
 * While the dispatcher hands frames over, the turn ends with its pass. Where promises are involved - it began in user
 * code, or a handler goes on in a continuation - it ends when the microtask queue has drained: a microtask that queues
 * a tick comes after every continuation, before the event loop goes on.
 */
export class TurnEnd {
  readonly #links: Link[] = [];
  #linkCount = 0;
  readonly #routes: Route[] = [];
  #receipts: { send(): void } | undefined;
  #routeCount = 0;
  #inPass = false;
  #continues = false;
  #scheduled = false;

  /** `link` owes confirm or credit. */
  answerLink(link: Link): void {
    if (link.answerQueued) return;
    link.answerQueued = true;
    this.#links[this.#linkCount++] = link;
    this.#schedule();
  }

  /** Messages have been processed whose senders wait for a word. */
  sendReceipts(receipts: { send(): void }): void {
    this.#receipts = receipts;
    this.#schedule();
  }

  /** `route` has frames committed and not flushed. */
  flushRoute(route: Route): void {
    if (route.flushQueued) return;
    route.flushQueued = true;
    this.#routes[this.#routeCount++] = route;
    this.#schedule();
  }

  /** It waits for promises to go on. */
  get scheduled(): boolean {
    return this.#scheduled;
  }

  beginPass(): void {
    this.#inPass = true;
  }

  endPass(): void {
    this.#inPass = false;
    if (this.#linkCount === 0 && this.#routeCount === 0 && this.#receipts === undefined) this.#continues = false;
    else if (this.#continues) this.#schedule();
    else this.run();
  }

  /** A promise that somebody waits for is settled: what they send next shall leave with what is owed. */
  awaitContinuations(): void {
    this.#continues = true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inPass) return;
    this.#scheduled = true;
    // Not queueMicrotask, which makes an async resource and a bound function of every call.
    void RESOLVED.then(this.#afterMicrotasks);
  }

  readonly #afterMicrotasks = (): void => {
    nextTick(this.#runScheduled);
  };

  readonly #runScheduled = (): void => {
    this.#scheduled = false;
    this.run();
  };

  /** Also called by the dispatcher between two batches, so that credit flows while a long backlog is read. */
  run(): void {
    this.#continues = false;
    const receipts = this.#receipts;
    this.#receipts = undefined;
    receipts?.send();
    for (let i = 0; i < this.#linkCount; i++) {
      const link = this.#links[i];
      link.answerQueued = false;
      link.inbound.answers.send();
    }
    this.#linkCount = 0;
    for (let i = 0; i < this.#routeCount; i++) this.#routes[i].flush();
    this.#routeCount = 0;
  }
}
