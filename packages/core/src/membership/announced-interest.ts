/** What this participant wants and serves, counted: a pattern is announced with its first user and taken back with its last. */
export class AnnouncedInterest {
  /** Grows with every change that peers must hear of. */
  version = 0;
  readonly #patterns = new Map<string, number>();
  readonly #services = new Map<string, number>();

  get patterns(): string[] {
    return [...this.#patterns.keys()];
  }

  get services(): string[] {
    return [...this.#services.keys()];
  }

  /** True when peers must hear of it. */
  add(kind: 'pattern' | 'service', name: string): boolean {
    const map = kind === 'pattern' ? this.#patterns : this.#services;
    const count = map.get(name) ?? 0;
    map.set(name, count + 1);
    if (count === 0) this.version++;
    return count === 0;
  }

  remove(kind: 'pattern' | 'service', name: string): boolean {
    const map = kind === 'pattern' ? this.#patterns : this.#services;
    const count = map.get(name) ?? 0;
    if (count > 1) {
      map.set(name, count - 1);
      return false;
    }
    map.delete(name);
    this.version++;
    return true;
  }
}
