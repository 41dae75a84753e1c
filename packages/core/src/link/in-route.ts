import type { TransportCapabilities } from '../contract/index.ts';
import type { LatencyReport } from '../selector/route-figures.ts';
import { Histogram } from '../stats/histogram.ts';
import { RecentLatencies } from './recent-latencies.ts';

/** Where frames come from: whether it has just been woken for those that are handed over now. */
export interface Inlet {
  readonly woken: boolean;
}

/** One transport from one peer: what its frames need to know of it, and what has come. */
export class InRoute {
  readonly transport: string;
  readonly lossless: boolean;
  /** The medium itself tells the sender what was copied: no confirm frame is owed. */
  readonly confirmsItself: boolean;
  frames = 0;
  bytes = 0;
  /** Sampled one-way times, in microseconds; made for the first of them: most links of a large bus carry nothing. */
  latency: Histogram | undefined;
  #recent: RecentLatencies | undefined;
  inlet: Inlet;

  constructor(transport: string, { lossless, confirms }: TransportCapabilities, inlet: Inlet) {
    this.transport = transport;
    this.lossless = lossless;
    this.confirmsItself = confirms !== 'none';
    this.inlet = inlet;
  }

  /**
   * A frame that carries its send time, of a message in that band, is here. True: its sender is to be told of it and
   * others. `now` in ms, the send time in microseconds, both of the machine's one clock.
   */
  sampled(sentMicros: number, band: number, now: number): boolean {
    // The frame carries whole microseconds: cutting off both ends alike leaves the mean as it is.
    const micros = Math.floor(now * 1000) - sentMicros;
    this.latency ??= new Histogram();
    this.latency.record(micros);
    this.#recent ??= new RecentLatencies();
    return this.#recent.add(band, this.inlet.woken, micros, now);
  }

  /** What was sampled since the last call. */
  takeRecent(now: number): LatencyReport[] {
    return this.#recent?.take(now) ?? [];
  }
}
