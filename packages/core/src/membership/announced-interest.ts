/** What this participant wants and serves, counted: a pattern is announced with its first user and taken back with its last. */
export class AnnouncedInterest {
  /** Grows with every change that peers must hear of; of transports, too. */
  version = 0;
  readonly #counts = {
    pattern: new Map<string, number>(),
    group: new Map<string, number>(),
    service: new Map<string, number>(),
  };

  get patterns(): string[] {
    return [...this.#counts.pattern.keys()];
  }

  /** Patterns that groups share, as labels. */
  get groups(): string[] {
    return [...this.#counts.group.keys()];
  }

  get services(): string[] {
    return [...this.#counts.service.keys()];
  }

  /** True when peers must hear of it. */
  add(kind: 'pattern' | 'group' | 'service', name: string): boolean {
    const map = this.#counts[kind];
    const count = map.get(name) ?? 0;
    map.set(name, count + 1);
    if (count === 0) this.version++;
    return count === 0;
  }

  remove(kind: 'pattern' | 'group' | 'service', name: string): boolean {
    const map = this.#counts[kind];
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
