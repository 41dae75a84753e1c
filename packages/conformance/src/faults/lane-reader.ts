import { BroadcastChannel } from 'node:worker_threads';
import { allocateFrameBuffer, type FrameHandler, HEADER_BYTES, type PeerInfo } from '@busbar/core/contract';
import {
  CLAIMED,
  FRAMES,
  HEAD,
  type LaneMemory,
  laneMemory,
  offsetOf,
  RECORD_WORDS_BYTES,
  recordBytes,
  SKIP,
  SLEEPING,
  TAIL,
  UNIT,
  WAITING,
} from './lane-memory.ts';

/** How a lane can be read wrongly. */
export interface LaneFaults {
  /** Hands over the shared bytes themselves instead of a copy. */
  readonly inPlace?: boolean;
  /** After its writer's death, takes what was claimed for committed. */
  readonly claimedIsCommitted?: boolean;
}

/** The reading end of one lane. */
export class LaneReader {
  readonly peer: PeerInfo;
  readonly #faults: LaneFaults;
  readonly #bell: BroadcastChannel;
  readonly #private;
  readonly #onWake: () => void;
  #memory: LaneMemory | undefined;
  #limit = TAIL;
  #head = 0;
  #frames = 0;
  #ended = false;

  /** `ready` is called when the writer's memory is here. */
  constructor(
    token: string,
    peer: PeerInfo,
    maxFrameLength: number,
    faults: LaneFaults,
    ready: () => void,
    onWake: () => void,
  ) {
    this.peer = peer;
    this.#faults = faults;
    this.#onWake = onWake;
    this.#private = allocateFrameBuffer(maxFrameLength);
    this.#bell = new BroadcastChannel(`busbar-lane:${token}`);
    this.#bell.unref();
    this.#bell.onmessage = (event) => {
      const { data } = event as { data: unknown };
      if (data instanceof SharedArrayBuffer) {
        this.#memory = laneMemory(data);
        ready();
        // It could not announce sleep before; from now on it is polled.
        this.#onWake();
      } else if (data === 'end') this.#end();
      else this.#onWake();
    };
    this.#bell.postMessage('want');
  }

  read(handler: FrameHandler, limit: number): number {
    const memory = this.#memory;
    if (memory === undefined) return 0;
    const { words, data } = memory;
    const tail = Atomics.load(words, this.#limit);
    let handed = 0;
    while (handed < limit && this.#head !== tail) {
      const record = offsetOf(this.#head);
      const length = data.i32[record >> 2];
      if (length === SKIP) {
        this.#head = (this.#head + (data.u8.length - record) / UNIT) | 0;
        continue;
      }
      if (length < HEADER_BYTES || length > this.#private.u8.length) break;
      const start = record + RECORD_WORDS_BYTES;
      if (this.#faults.inPlace === true) handler(data, start, length, this.peer);
      else {
        this.#private.u8.set(data.u8.subarray(start, start + length));
        handler(this.#private, 0, length, this.peer);
      }
      this.#head = (this.#head + recordBytes(length) / UNIT) | 0;
      Atomics.store(words, HEAD, this.#head);
      Atomics.store(words, FRAMES, ++this.#frames);
      handed++;
    }
    if (handed > 0 && !this.#ended && Atomics.exchange(words, WAITING, 0) === 1) this.#bell.postMessage('room');
    return handed;
  }

  /** Announces sleep, then looks again: false when there is something to read. */
  prepareToSleep(): boolean {
    if (this.#memory === undefined) return true;
    Atomics.store(this.#memory.words, SLEEPING, 1);
    return Atomics.load(this.#memory.words, this.#limit) === this.#head;
  }

  /** The writer is dead: what it committed stays readable. */
  drain(): void {
    if (this.#faults.claimedIsCommitted === true) this.#limit = CLAIMED;
    this.#end();
  }

  /** Nothing more will come, and everything has been read. */
  get finished(): boolean {
    if (!this.#ended) return false;
    return this.#memory === undefined || Atomics.load(this.#memory.words, this.#limit) === this.#head;
  }

  close(): void {
    if (!this.#ended) this.#bell.postMessage('closed');
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#bell.close();
    this.#onWake();
  }
}
