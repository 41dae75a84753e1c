/** Sub-buckets of each power of two: values are kept to 0.8 %. */
const SUB_BITS = 7;
const SUB_BUCKETS = 1 << SUB_BITS;
/** Longest time kept, in ns: 2.1 s; what is longer counts as that. */
const MAX_VALUE = 0x7fff_ffff;
const BUCKETS = (31 - SUB_BITS + 1) * SUB_BUCKETS;

/** Times in ns, of any number, in a fixed amount of memory: recording allocates nothing. */
export class Histogram {
  /** How many were recorded, and the longest. */
  count = 0;
  max = 0;
  readonly #counts = new Uint32Array(BUCKETS);

  record(nanoseconds: number): void {
    const value = Math.min(Math.max(Math.round(nanoseconds), 0), MAX_VALUE);
    this.#counts[bucketOf(value)]++;
    this.count++;
    if (value > this.max) this.max = value;
  }

  /** The time that `fraction` of all do not exceed; 0 when there are none. */
  percentile(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= rank) return Math.min(middleOf(bucket), this.max);
    }
    return 0;
  }

  /** Hands over each time that occurs, ascending, with how often it does. */
  forEach(visit: (nanoseconds: number, count: number) => void): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.#counts[bucket] > 0) visit(middleOf(bucket), this.#counts[bucket]);
    }
  }
}

/** Values below SUB_BUCKETS are their own bucket; above, each power of two has SUB_BUCKETS of equal width. */
function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + (value >>> shift) - SUB_BUCKETS;
}

function middleOf(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return ((bucket % SUB_BUCKETS) + SUB_BUCKETS + 0.5) * 2 ** shift;
}
