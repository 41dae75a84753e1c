import { BroadcastChannel } from 'node:worker_threads';
import { BACK_PRESSURED, BusError, OK, SenderBase } from '@busbar/core/contract';
import {
  CAPACITY,
  CLAIMED,
  FRAMES,
  HEAD,
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

/** The writing end of a lane. */
export class LaneSender extends SenderBase {
  readonly #memory = laneMemory();
  readonly frame = this.#memory.data;
  readonly #bell: BroadcastChannel;
  #tail = 0;
  /** Units before the claimed record that are skipped, since it did not fit before the end. */
  #skipped = 0;

  constructor(token: string, maxFrameLength: number) {
    super(maxFrameLength);
    this.#bell = new BroadcastChannel(`busbar-lane:${token}`);
    this.#bell.unref();
    this.#bell.onmessage = (event) => this.#hear((event as { data: string }).data);
  }

  get writableBytes(): number {
    return this.isOpen ? Math.max(0, this.#room - RECORD_WORDS_BYTES) : 0;
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    return level === 'copied' ? Atomics.load(this.#memory.words, FRAMES) : 0;
  }

  override onWritable(callback: () => void): void {
    super.onWritable(callback);
    this.#announce();
  }

  override onConfirmed(callback: () => void): void {
    super.onConfirmed(callback);
    Atomics.store(this.#memory.words, WAITING, 1);
  }

  end(what: string): void {
    this.fail(new BusError('PEER_GONE', what, { where: 'lane' }));
  }

  protected claim(length: number): number {
    const bytes = recordBytes(length);
    const start = offsetOf(this.#tail);
    const skipped = start + bytes > CAPACITY ? CAPACITY - start : 0;
    if (skipped + bytes > this.#room) return BACK_PRESSURED;
    this.#skipped = skipped / UNIT;
    const { words, data } = this.#memory;
    if (skipped > 0) data.i32[start >> 2] = SKIP;
    const record = offsetOf(this.#tail + this.#skipped);
    data.i32[record >> 2] = length;
    this.offset = record + RECORD_WORDS_BYTES;
    Atomics.store(words, CLAIMED, (this.#tail + this.#skipped + bytes / UNIT) | 0);
    return OK;
  }

  protected publish(length: number): void {
    const { words, data } = this.#memory;
    data.i32[(this.offset - RECORD_WORDS_BYTES) >> 2] = length;
    this.#tail = (this.#tail + this.#skipped + recordBytes(length) / UNIT) | 0;
    Atomics.store(words, TAIL, this.#tail);
    if (Atomics.exchange(words, SLEEPING, 0) === 1) this.#bell.postMessage('frames');
  }

  protected release(reason: BusError | undefined): void {
    if (reason === undefined) this.#bell.postMessage('end');
    this.#bell.close();
  }

  get #room(): number {
    return CAPACITY - ((this.#tail - Atomics.load(this.#memory.words, HEAD)) | 0) * UNIT;
  }

  #hear(message: string): void {
    if (message === 'want') this.#bell.postMessage(this.#memory.shared);
    else if (message === 'closed') this.end('the inbox was closed');
    else if (message === 'room') {
      if (this.awaitsRoom) this.#announce();
      this.becameConfirmed();
    }
  }

  /** Announces that it waits, then looks: the reader may have made room before it could see the announcement. */
  #announce(): void {
    Atomics.store(this.#memory.words, WAITING, 1);
    if (this.#room >= CAPACITY / 2) queueMicrotask(() => this.becameWritable());
  }
}
