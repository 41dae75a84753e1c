/** What an `IdTable` holds. It is in one table at a time. */
export interface Identified {
  readonly id: number;
  /** The table's own. */
  nextInBucket: this | undefined;
}

const FIRST_BUCKETS = 16;
/** An empty table of more gives its memory back. */
const IDLE_BUCKETS = 1024;

/**
 * Objects by a number, for many that come and go at once: a hash table chained through the objects. Numbers that count up
 * fill its buckets evenly; several objects may have the same one.
 *
 * Not a Map: where entries come and go, V8 tidies it up by a new table, to which the old one points. An old table that a
 * scavenge has moved to the old generation keeps every later one, with all it ever held, until a full collection.
 */
export class IdTable<T extends Identified> {
  #buckets: (T | undefined)[] = emptyBuckets(FIRST_BUCKETS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * | allocates          | blocks | syscalls | callable from |
   * | only when it grows | no     | 0        | any thread    |
   */
  add(entry: T): void {
    if (this.#size === this.#buckets.length) this.#grow();
    this.#size++;
    insert(this.#buckets, entry);
  }

  /** The last one added of number `id`. */
  get(id: number): T | undefined {
    return withId(this.#buckets[id & (this.#buckets.length - 1)], id);
  }

  /** The one added before `entry` with the same number. */
  before(entry: T): T | undefined {
    return withId(entry.nextInBucket, entry.id);
  }

  has(entry: T): boolean {
    for (let other = this.get(entry.id); other !== undefined; other = this.before(other))
      if (other === entry) return true;
    return false;
  }

  /** False when it is not in the table. */
  remove(entry: T): boolean {
    const buckets = this.#buckets;
    const bucket = entry.id & (buckets.length - 1);
    let previous: T | undefined;
    let other = buckets[bucket];
    while (other !== undefined && other !== entry) {
      previous = other;
      other = other.nextInBucket;
    }
    if (other === undefined) return false;
    if (previous === undefined) buckets[bucket] = entry.nextInBucket;
    else previous.nextInBucket = entry.nextInBucket;
    entry.nextInBucket = undefined;
    if (--this.#size === 0 && buckets.length > IDLE_BUCKETS) this.#buckets = emptyBuckets(FIRST_BUCKETS);
    return true;
  }

  /** All of them now: while one goes through them, some may leave. */
  all(): T[] {
    const all: T[] = [];
    for (const first of this.#buckets)
      for (let entry = first; entry !== undefined; entry = entry.nextInBucket) all.push(entry);
    return all;
  }

  #grow(): void {
    const larger = emptyBuckets<T>(this.#buckets.length * 2);
    // The first of a bucket are the last added: they go in last again.
    for (const entry of this.all().reverse()) insert(larger, entry);
    this.#buckets = larger;
  }
}

function emptyBuckets<T>(count: number): (T | undefined)[] {
  return new Array(count).fill(undefined);
}

function insert<T extends Identified>(buckets: (T | undefined)[], entry: T): void {
  const bucket = entry.id & (buckets.length - 1);
  entry.nextInBucket = buckets[bucket];
  buckets[bucket] = entry;
}

function withId<T extends Identified>(first: T | undefined, id: number): T | undefined {
  let entry = first;
  while (entry !== undefined && entry.id !== id) entry = entry.nextInBucket;
  return entry;
}
