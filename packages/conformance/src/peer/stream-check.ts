import type { FrameBuffer } from '@busbar/core/contract';
import { firstDifference, type Stream } from './content.ts';
import type { Journal } from './journal.ts';

/** What arrived of one stream. */
export interface StreamReport {
  /** Different frames that arrived. */
  readonly arrived: number;
  /** How many of the stream's sizes arrived. */
  readonly sizes: number;
  /** Frames missing below the highest that arrived. */
  readonly gaps: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly corrupt: number;
  /** The first few findings, in words. */
  readonly notes: readonly string[];
}

const MAX_NOTES = 4;

/** Follows one stream: each frame once, in order, with the bytes that its sequence demands. */
export class StreamCheck {
  arrived = 0;
  duplicated = 0;
  reordered = 0;
  corrupt = 0;
  readonly notes: string[] = [];
  readonly #sender: number;
  readonly #stream: Stream;
  readonly #journal: Journal | undefined;
  readonly #sizes = new Set<number>();
  #next = 0;
  readonly #missing = new Set<number>();

  /** With a journal, the number of frames is written down with each, for a receiver that will be killed. */
  constructor(sender: number, stream: Stream, journal?: Journal) {
    this.#sender = sender;
    this.#stream = stream;
    this.#journal = journal;
  }

  take(frame: FrameBuffer, offset: number, length: number, sequence: number): void {
    const difference = firstDifference(frame, offset, length, this.#sender, this.#stream, sequence);
    if (difference >= 0) this.#found('corrupt', `frame ${sequence} (${length} bytes) is wrong from byte ${difference}`);
    if (sequence === this.#next) this.#next++;
    else if (sequence > this.#next) {
      // A sequence out of corrupt bytes may be anything: note the jump, do not walk it.
      if (sequence - this.#next > MAX_GAP) {
        this.#found('corrupt', `frame ${this.#next} was expected, ${sequence} came`);
        return;
      }
      while (this.#next < sequence) this.#missing.add(this.#next++);
      this.#next++;
    } else if (this.#missing.delete(sequence)) {
      this.#found('reordered', `frame ${sequence} came after frame ${this.#next - 1}`);
    } else {
      this.#found('duplicated', `frame ${sequence} came again`);
      return;
    }
    this.arrived++;
    this.#sizes.add(sequence % this.#stream.sizes.length);
    this.#journal?.committed(this.arrived);
  }

  report(): StreamReport {
    const { arrived, duplicated, reordered, corrupt, notes } = this;
    return { arrived, sizes: this.#sizes.size, gaps: this.#missing.size, duplicated, reordered, corrupt, notes };
  }

  #found(what: 'corrupt' | 'reordered' | 'duplicated', note: string): void {
    this[what]++;
    if (this.notes.length < MAX_NOTES) this.notes.push(`${what}: ${note}`);
  }
}

const MAX_GAP = 1_000_000;
