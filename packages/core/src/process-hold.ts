/**
 * What keeps the process alive: a bus holds it while it has subscriptions, served calls or unsettled promises, and
 * not otherwise, so a script that publishes, awaits and ends exits by itself.
 */
export class ProcessHold {
  #count = 0;
  readonly #ref: () => void;
  readonly #unref: () => void;

  /** `ref` and `unref` of one handle that is open as long as the bus. */
  constructor(ref: () => void, unref: () => void) {
    this.#ref = ref;
    this.#unref = unref;
  }

  acquire(): void {
    if (this.#count++ === 0) this.#ref();
  }

  release(): void {
    if (--this.#count === 0) this.#unref();
  }
}
