/** A door that work passes through: shut while the supervisor has everything paused. */
export class Gate {
  #opening: Promise<void> | undefined;
  #open: (() => void) | undefined;

  get shut(): boolean {
    return this.#opening !== undefined;
  }

  close(): void {
    this.#opening ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open?.();
    this.#opening = undefined;
  }

  /** Resolves when the door is open. */
  async passed(): Promise<void> {
    while (this.#opening !== undefined) await this.#opening;
  }
}
