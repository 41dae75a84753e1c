/** Longer than any process waits: the timer is there to be ref'd, not to fire. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * What keeps the process alive: a bus holds it while it has subscriptions, served calls or unsettled promises, and
 * not otherwise, so a script that publishes, awaits and ends exits by itself. Every other handle of a bus is unref'd.
 */
export class ProcessHold {
  readonly #timer = setInterval(() => {}, NEVER_MS).unref();
  #count = 0;

  acquire(): void {
    if (this.#count++ === 0) this.#timer.ref();
  }

  release(): void {
    if (--this.#count === 0) this.#timer.unref();
  }

  /** The bus is closed: whatever still counts, nothing is held any more. */
  end(): void {
    clearInterval(this.#timer);
  }
}
