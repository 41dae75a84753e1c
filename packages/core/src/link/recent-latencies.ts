import { BAND_COUNT } from '../selector/bands.ts';
import type { LatencyReport } from '../selector/route-figures.ts';

/** Of more than these between two reports, the latest are kept. */
const KEPT = 64;
/** A report as often at most: a frame then, which may wake who gets it. */
const REPORT_MS = 50;

/** What one route took lately, by band and whether the receiver was awake, for whoever sends over it. */
export class RecentLatencies {
  readonly #values = new Uint32Array(2 * BAND_COUNT * KEPT);
  readonly #counts = new Uint32Array(2 * BAND_COUNT);
  #reportedAt = Number.NEGATIVE_INFINITY;

  /** True when it is time to report. `now` in ms. */
  add(band: number, woke: boolean, micros: number, now: number): boolean {
    const kind = band * 2 + (woke ? 1 : 0);
    this.#values[kind * KEPT + (this.#counts[kind]++ % KEPT)] = Math.max(0, micros);
    return now - this.#reportedAt >= REPORT_MS;
  }

  /** What came since the last call. */
  take(now: number): LatencyReport[] {
    this.#reportedAt = now;
    const reports: LatencyReport[] = [];
    for (let kind = 0; kind < this.#counts.length; kind++) {
      const count = this.#counts[kind];
      if (count === 0) continue;
      this.#counts[kind] = 0;
      const kept = Math.min(count, KEPT);
      const sorted = this.#values.slice(kind * KEPT, kind * KEPT + kept).sort();
      reports.push({
        band: kind >> 1,
        woke: (kind & 1) === 1,
        count,
        p50Micros: sorted[(kept - 1) >> 1],
        p99Micros: sorted[Math.ceil(kept * 0.99) - 1],
      });
    }
    return reports;
  }
}
