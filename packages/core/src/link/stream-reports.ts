import { KIND } from '../contract/index.ts';
import type { Link } from './link.ts';
import { PairWriter, STREAM_CREDIT } from './pairs.ts';

/** Streams in one frame: two pairs each, within the room that is kept for control frames. */
const STREAMS_PER_FRAME = 64;

/** Reused: a control frame is copied into the medium before the next is made. */
const pairs = new PairWriter(2);

/** The receiving side of one stream's credit. */
export interface StreamAccount {
  readonly id: number;
  /** Bytes the consumer has taken, since the stream was opened; and how much of it the peer was told. */
  taken: number;
  reported: number;
  reportQueued: boolean;
}

/** What one peer is told about the streams opened at it: how much their consumers have taken. Cumulative. */
export class StreamReports {
  readonly #link: Link;
  /** Streams of which something was ever reported. */
  readonly #known = new Set<StreamAccount>();
  #due: StreamAccount[] = [];

  constructor(link: Link) {
    this.#link = link;
  }

  get due(): boolean {
    return this.#due.length > 0;
  }

  report(stream: StreamAccount): void {
    if (stream.reportQueued) return;
    if (stream.reported === 0) this.#known.add(stream);
    stream.reportQueued = true;
    this.#due.push(stream);
  }

  /** The stream has ended: nobody asks any more. */
  forget(stream: StreamAccount): void {
    this.#known.delete(stream);
    if (stream.reportQueued) this.#due = this.#due.filter((other) => other !== stream);
  }

  /** A route was lost, and maybe reports with it. */
  repeat(): void {
    for (const stream of this.#known) this.report(stream);
  }

  /** What finds no room stays owed. */
  send(): void {
    while (this.#due.length > 0) {
      const count = Math.min(this.#due.length, STREAMS_PER_FRAME);
      pairs.reset(count * 2);
      for (let i = 0; i < count; i++) {
        pairs.add(0, this.#due[i].id);
        pairs.add(1, this.#due[i].taken);
      }
      if (!this.#link.sendControl(KIND.CREDIT, STREAM_CREDIT, pairs.bytes)) return;
      for (const stream of this.#due.splice(0, count)) {
        stream.reported = stream.taken;
        stream.reportQueued = false;
      }
    }
  }
}
