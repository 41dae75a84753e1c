const FIRST_CAPACITY = 16;

/** First in, first out: decoded chunks and what each costs. A ring that doubles; its size is bounded by the window. */
export class ChunkQueue {
  length = 0;
  #values: unknown[] = new Array(FIRST_CAPACITY).fill(undefined);
  #costs: number[] = new Array(FIRST_CAPACITY).fill(0);
  #first = 0;
  #mask = FIRST_CAPACITY - 1;

  push(value: unknown, cost: number): void {
    if (this.length > this.#mask) this.#grow();
    const at = (this.#first + this.length) & this.#mask;
    this.#values[at] = value;
    this.#costs[at] = cost;
    this.length++;
  }

  /** What the first one costs; only when there is one. */
  firstCost(): number {
    return this.#costs[this.#first];
  }

  /** Takes the first one out; only when there is one. */
  shift(): unknown {
    const value = this.#values[this.#first];
    this.#values[this.#first] = undefined;
    this.#first = (this.#first + 1) & this.#mask;
    this.length--;
    return value;
  }

  clear(): void {
    while (this.length > 0) this.shift();
  }

  #grow(): void {
    const capacity = (this.#mask + 1) * 2;
    const values: unknown[] = new Array(capacity).fill(undefined);
    const costs: number[] = new Array(capacity).fill(0);
    for (let i = 0; i < this.length; i++) {
      const at = (this.#first + i) & this.#mask;
      values[i] = this.#values[at];
      costs[i] = this.#costs[at];
    }
    this.#values = values;
    this.#costs = costs;
    this.#first = 0;
    this.#mask = capacity - 1;
  }
}
