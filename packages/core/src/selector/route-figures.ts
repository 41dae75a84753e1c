/** Latencies that are older say nothing of now. */
const FRESH_MS = 2000;
/** A throughput that is older says nothing of now. */
const THROUGHPUT_FRESH_MS = 10_000;
/** So many failures within that time, and a medium is not to be relied on. */
const FAILURES = 3;
const FAILING_MS = 10_000;

/** Latencies of one band since the last report, as a receiver tells its sender. */
export interface LatencyReport {
  /** See `bandOf`. */
  readonly band: number;
  /** The messages found the receiver asleep: its wake-up is in the times. */
  readonly woke: boolean;
  /** Messages measured. */
  readonly count: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

/** What is known of the times of one band. */
export interface Latency {
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** When it was told, in ms of the clock. */
  readonly at: number;
}

/** What a route has shown of itself, as its receiver and its own writing tell. */
export class RouteFigures {
  /** By band; empty until something is told. */
  readonly #awake: (Latency | undefined)[] = [];
  readonly #woke: (Latency | undefined)[] = [];
  readonly #failures: number[] = [];
  #bytesPerSecond = 0;
  #throughputAt = Number.NEGATIVE_INFINITY;

  /** The receiver's word. */
  told({ band, woke, p50Micros, p99Micros }: LatencyReport, now: number): void {
    (woke ? this.#woke : this.#awake)[band] = { p50Micros, p99Micros, at: now };
  }

  /** Latest times of messages that found the receiver awake, or of those that woke it; undefined: none were measured. */
  latency(band: number, woke = false): Latency | undefined {
    return (woke ? this.#woke : this.#awake)[band];
  }

  /** The same, if it is of now. */
  fresh(band: number, now: number, woke = false): Latency | undefined {
    const latency = this.latency(band, woke);
    return latency !== undefined && now - latency.at <= FRESH_MS ? latency : undefined;
  }

  /** So much was written in a stretch of time in which it was full. */
  carried(bytes: number, ms: number, now: number): void {
    this.#bytesPerSecond = (bytes / ms) * 1000;
    this.#throughputAt = now;
  }

  /** Bytes per second when it was full last; 0: it never was, as far as is known. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** The same, if it is of now; 0 otherwise. */
  freshThroughput(now: number): number {
    return now - this.#throughputAt <= THROUGHPUT_FRESH_MS ? this.#bytesPerSecond : 0;
  }

  failed(now: number): void {
    this.#failures.push(now);
    if (this.#failures.length > FAILURES) this.#failures.shift();
  }

  /** How often it failed within the last ten seconds, as far as is kept. */
  failures(now: number): number {
    return this.#failures.filter((at) => now - at <= FAILING_MS).length;
  }

  isFailing(now: number): boolean {
    return this.failures(now) >= FAILURES;
  }
}
