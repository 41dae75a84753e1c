/** Sub-buckets of each power of two: values are kept to 0.4 %. */
const SUB_BITS = 8;
const SUB_BUCKETS = 1 << SUB_BITS;
/** Longest time kept, in ns: 2.1 s; what is longer counts as that. */
const MAX_VALUE = 0x7fff_ffff;
const BUCKETS = (31 - SUB_BITS + 1) * SUB_BUCKETS;

/** Log-linear histogram of times in ns, of fixed size, so that recording neither allocates nor grows with the run. */
export class Histogram {
  readonly counts: Uint32Array;
  #total = 0;

  constructor(counts: Uint32Array = new Uint32Array(BUCKETS)) {
    this.counts = counts;
    for (const count of counts) this.#total += count;
  }

  get total(): number {
    return this.#total;
  }

  record(nanoseconds: number): void {
    this.counts[bucket(Math.min(Math.max(Math.round(nanoseconds), 0), MAX_VALUE))]++;
    this.#total++;
  }

  add(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) this.counts[i] += other.counts[i];
    this.#total += other.#total;
  }

  clear(): void {
    this.counts.fill(0);
    this.#total = 0;
  }

  /** The value below which `fraction` of the samples lie, in ns; 0 without samples. */
  percentile(fraction: number): number {
    const rank = Math.ceil(fraction * this.#total);
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.counts[i];
      if (seen >= rank && seen > 0) return middle(i);
    }
    return 0;
  }
}

/** Values below SUB_BUCKETS are their own bucket; above, each power of two has SUB_BUCKETS of equal width. */
function bucket(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + (value >>> shift) - SUB_BUCKETS;
}

function middle(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const shift = Math.floor(index / SUB_BUCKETS) - 1;
  return ((index % SUB_BUCKETS) + SUB_BUCKETS + 0.5) * 2 ** shift;
}
