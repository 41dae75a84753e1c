import type { TransportCapabilities } from '../contract/index.ts';
import { Histogram } from '../stats/histogram.ts';

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

  constructor(transport: string, { lossless, confirms }: TransportCapabilities) {
    this.transport = transport;
    this.lossless = lossless;
    this.confirmsItself = confirms !== 'none';
  }

  /** A frame that carries its send time is here. Both times in microseconds of the machine's one clock. */
  sampled(sentMicros: number, nowMicros: number): void {
    this.latency ??= new Histogram();
    // The frame carries whole microseconds: cutting off both ends alike leaves the mean as it is.
    this.latency.record(Math.floor(nowMicros) - sentMicros);
  }
}
