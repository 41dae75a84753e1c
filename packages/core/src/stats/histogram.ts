/** Sub-buckets of each power of two. */
const SUB_BITS = 7;
const SUB_BUCKETS = 1 << SUB_BITS;
const MAX_VALUE = 0xffff_ffff;
const BUCKETS = (32 - SUB_BITS + 1) * SUB_BUCKETS;

/**
 * Log-linear histogram of whole numbers from 0 to 2^32 - 1, in the unit its owner counts in: routes in microseconds, to 71
 * minutes. What is larger counts as the largest, what is negative as 0, fractions are cut off. Values below 256 are
 * kept exactly, all others to 0.4 %. 26 KiB, whatever is recorded.
 */
export class Histogram {
  /** Values of one power of two in 128 buckets of equal width. Numbers of 32 bits a busy ring would exceed in a day. */
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;

  /** Values recorded. */
  get count(): number {
    return this.#count;
  }

  /**
   * | allocates | blocks | syscalls | callable from      |
   * | no        | no     | 0        | the owner's thread |
   */
  record(value: number): void {
    const whole = value > 0 ? (value < MAX_VALUE ? value >>> 0 : MAX_VALUE) : 0;
    // Bits below the leading one and the SUB_BITS after it.
    const shift = whole < SUB_BUCKETS ? 0 : 31 - SUB_BITS - Math.clz32(whole);
    const bucket = (shift << SUB_BITS) + (whole >>> shift);
    this.#counts[bucket]++;
    this.#count++;
  }

  /** The smallest value that `fraction` of all values do not exceed, to 0.4 %; 1 gives the largest. 0 without values. */
  percentile(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    let last = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket];
      if (count === 0) continue;
      seen += count;
      last = bucket;
      if (seen >= rank) break;
    }
    return middle(last);
  }
}

/** Half-way between the smallest and the largest whole number of a bucket. */
function middle(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  const width = 2 ** shift;
  return (bucket - shift * SUB_BUCKETS) * width + (width - 1) / 2;
}
