import {
  allocateFrameBuffer,
  BACK_PRESSURED,
  copyAligned,
  type FrameBuffer,
  OK,
  type Sender,
  SenderBase,
} from '@busbar/core/contract';

/** Frames above this are refused as they should be. */
const SMALL_BYTES = 2_048;

/** A sender that never refuses a small frame: what the medium has no room for waits in a queue without a bound. */
export class UnboundedSender extends SenderBase {
  frame = allocateFrameBuffer(0);
  readonly #inner: Sender;
  readonly #queue: { bytes: FrameBuffer; length: number }[] = [];

  constructor(inner: Sender, maxFrameLength: number) {
    super(maxFrameLength);
    this.#inner = inner;
    inner.onClose((reason) => this.fail(reason));
  }

  get writableBytes(): number {
    return this.isOpen ? this.maxFrameLength : 0;
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    return this.#inner.confirmed(level);
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
    if (length > SMALL_BYTES) {
      this.#forward();
      const answer = this.#queue.length > 0 ? BACK_PRESSURED : this.#inner.tryClaim(length);
      if (answer !== OK) return answer;
      this.#inner.abort();
    }
    this.frame = allocateFrameBuffer(length);
    return OK;
  }

  protected publish(length: number): void {
    this.#queue.push({ bytes: this.frame, length });
    this.#forward();
  }

  protected async release(): Promise<void> {
    this.#forward();
    this.#queue.length = 0;
    await this.#inner.close();
  }

  override onWritable(callback: () => void): void {
    super.onWritable(callback);
    this.#inner.onWritable(() => this.#retry());
  }

  #retry(): void {
    this.#forward();
    if (this.#queue.length === 0) this.becameWritable();
  }

  #forward(): void {
    while (this.#queue.length > 0) {
      const { bytes, length } = this.#queue[0];
      if (this.#inner.tryClaim(length) !== OK) {
        this.#inner.onWritable(() => this.#retry());
        return;
      }
      copyAligned(bytes, 0, this.#inner.frame, this.#inner.offset, length);
      this.#inner.commit();
      this.#queue.shift();
    }
  }
}
