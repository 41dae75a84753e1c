import {
  allocateFrameBuffer,
  BACK_PRESSURED,
  BusError,
  copyAligned,
  OK,
  type Sender,
  SenderBase,
} from '@busbar/core/contract';

/** What becomes of one frame on its way. */
export interface Fate {
  /** How often it arrives; 0 loses it. Default 1. */
  readonly copies?: number;
  /** Arrives after the frame that follows it. */
  readonly late?: boolean;
  /** Bytes kept; the frame's own length word still states all of them. */
  readonly keep?: number;
  /** Milliseconds it is held back, and all after it. */
  readonly delayMs?: number;
  /** The medium breaks before this frame. */
  readonly dies?: boolean;
}

/** Decides about the n-th frame of a sender, of `length` bytes. */
export type Judge = (n: number, length: number) => Fate;

interface Held {
  readonly bytes: ReturnType<typeof allocateFrameBuffer>;
  readonly length: number;
}

/** Frames that may wait here for the inner sender before this one refuses more. */
const MOST_HELD = 64;

/** A sender that lets a judge decide what becomes of each frame. Takes frames in a buffer of its own first. */
export class TamperedSender extends SenderBase {
  frame = allocateFrameBuffer(4_096);
  readonly #inner: Sender;
  readonly #judge: Judge;
  readonly #queue: Held[] = [];
  #late: Held | undefined;
  #judged = 0;
  /** Frames that count as confirmed though the inner sender never had them, less those it had twice. */
  #phantoms = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(inner: Sender, maxFrameLength: number, judge: Judge) {
    super(maxFrameLength);
    this.#inner = inner;
    this.#judge = judge;
    inner.onClose((reason) => this.fail(reason));
  }

  get writableBytes(): number {
    return this.isOpen && this.#queue.length === 0 ? this.#inner.writableBytes : 0;
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    const confirmed = this.#inner.confirmed(level);
    return confirmed === 0 ? 0 : confirmed + this.#phantoms;
  }

  override onConfirmed(callback: () => void): void {
    super.onConfirmed(callback);
    this.#inner.onConfirmed(() => this.becameConfirmed());
  }

  override flush(): void {
    this.#forward();
    this.#inner.flush();
  }

  protected claim(length: number): number {
    this.#forward();
    if (this.#queue.length > MOST_HELD) return BACK_PRESSURED;
    // What the inner medium has no room for is refused here too, so that its bound stays the bound.
    const answer = this.#inner.tryClaim(length);
    if (answer !== OK) return answer;
    this.#inner.abort();
    if (this.frame.u8.length < length) this.frame = allocateFrameBuffer(length);
    return OK;
  }

  protected publish(length: number): void {
    const { copies = 1, late = false, keep = length, delayMs = 0, dies = false } = this.#judge(this.#judged++, length);
    if (dies) {
      this.fail(new BusError('TRANSPORT_FAILED', 'the medium broke', { where: 'chaos' }));
      return;
    }
    this.#phantoms += 1 - copies;
    for (let i = 0; i < copies; i++) this.#hold(Math.min(keep, length), late);
    if (delayMs > 0) this.#pause(delayMs);
    this.#forward();
  }

  protected async release(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#late !== undefined) this.#queue.push(this.#late);
    this.#forward();
    await this.#inner.close();
  }

  override onWritable(callback: () => void): void {
    super.onWritable(callback);
    this.#inner.onWritable(() => this.#retry());
  }

  #hold(length: number, late: boolean): void {
    const bytes = allocateFrameBuffer(length);
    copyAligned(this.frame, 0, bytes, 0, length);
    const held = { bytes, length };
    if (late && this.#late === undefined) {
      this.#late = held;
      return;
    }
    this.#queue.push(held);
    if (this.#late === undefined) return;
    this.#queue.push(this.#late);
    this.#late = undefined;
  }

  #pause(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush();
      this.#retry();
    }, ms);
    this.#timer.unref();
  }

  /** Hands on what waits, as far as the inner sender takes it. */
  #forward(): void {
    while (this.#timer === undefined && this.#queue.length > 0) {
      const { bytes, length } = this.#queue[0];
      if (this.#inner.tryClaim(length) !== OK) return;
      copyAligned(bytes, 0, this.#inner.frame, this.#inner.offset, length);
      this.#inner.commit();
      this.#queue.shift();
    }
  }

  #retry(): void {
    this.#forward();
    if (this.#queue.length > 0) this.#inner.onWritable(() => this.#retry());
    else this.becameWritable();
  }
}
