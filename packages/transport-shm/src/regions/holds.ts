/** Counts what this participant has of lent memory: slabs that it writes, leases that it reads. */
export class Holds {
  #count = 0;
  #waiting: (() => void)[] = [];

  acquire(): void {
    this.#count++;
  }

  release(): void {
    if (--this.#count > 0) return;
    for (const callback of this.#waiting.splice(0)) callback();
  }

  /** See `RegionProvider.onIdle`. */
  onIdle(callback: () => void): void {
    if (this.#count === 0) callback();
    else this.#waiting.push(callback);
  }
}
