import { BusError } from './errors.ts';
import type { FrameBuffer } from './frame-buffer.ts';
import { HEADER_BYTES } from './frame-layout.ts';
import { CLOSED, OK, TOO_LARGE } from './result.ts';
import type { Sender } from './transport.ts';

/**
 * The state machine every sender shares: open -> closing -> closed, one claim at a time, close twice, use after close,
 * callbacks that fire once, statistics. A medium writes `claim`, `publish`, `release` and, where it batches, `flush`.
 */
export abstract class SenderBase implements Sender {
  abstract frame: FrameBuffer;
  offset = 0;
  /** Frames and bytes committed so far. */
  frames = 0;
  bytes = 0;

  protected readonly maxFrameLength: number;
  #open = true;
  #claimed = 0;
  #writable: (() => void) | undefined;
  #confirm: (() => void) | undefined;
  #closeCallback: ((reason: BusError) => void) | undefined;
  #closeReason: BusError | undefined;
  /** The reason has been told; who asks later is told by itself. */
  #told = false;
  #closing: Promise<void> | undefined;

  constructor(maxFrameLength: number) {
    this.maxFrameLength = maxFrameLength;
  }

  /** Makes room for `length` bytes and sets `frame` and `offset`: OK, BACK_PRESSURED or NOT_CONNECTED. */
  protected abstract claim(length: number): number;
  /** Publishes the claimed frame; `length` is at most the claimed one. */
  protected abstract publish(length: number): void;
  /** Frees what the medium holds; called once. `reason` is undefined for an orderly close (flush first). */
  protected abstract release(reason: BusError | undefined): Promise<void> | void;
  abstract readonly writableBytes: number;

  tryClaim(length: number): number {
    if (!this.#open) return CLOSED;
    if (length > this.maxFrameLength) return TOO_LARGE;
    if (this.#claimed !== 0) throw new BusError('MISUSE', 'a second claim before commit or abort');
    if (length < HEADER_BYTES) throw new BusError('MISUSE', `a claim of ${length} bytes is shorter than a header`);
    const result = this.claim(length);
    if (result === OK) this.#claimed = length;
    return result;
  }

  commit(length: number = this.#claimed): void {
    const claimed = this.#claimed;
    if (claimed === 0) throw new BusError('MISUSE', 'commit without a claim');
    if (length > claimed || length < HEADER_BYTES) {
      throw new BusError('MISUSE', `commit of ${length} bytes for a claim of ${claimed}`);
    }
    this.#claimed = 0;
    // The medium closed between claim and commit: there is nowhere to publish, and onClose has told so.
    if (!this.#open) return;
    this.frames++;
    this.bytes += length;
    this.publish(length);
  }

  abort(): void {
    if (this.#claimed === 0) throw new BusError('MISUSE', 'abort without a claim');
    this.#claimed = 0;
  }

  flush(): void {}

  confirmed(_level: 'copied' | 'stored' | 'synced'): number {
    return 0;
  }

  onWritable(callback: () => void): void {
    this.#writable = callback;
  }

  onConfirmed(callback: () => void): void {
    this.#confirm = callback;
  }

  onClose(callback: (reason: BusError) => void): void {
    this.#closeCallback = callback;
    const reason = this.#closeReason;
    if (reason !== undefined && this.#told) queueMicrotask(() => callback(reason));
  }

  close(): Promise<void> {
    this.#closing ??= this.#end(undefined);
    return this.#closing;
  }

  protected get isOpen(): boolean {
    return this.#open;
  }

  /** For the medium: somebody waits for room. */
  protected get awaitsRoom(): boolean {
    return this.#writable !== undefined;
  }

  /** For the medium: somebody waits for confirmation. */
  protected get awaitsConfirmation(): boolean {
    return this.#confirm !== undefined;
  }

  /** For the medium: there is room again. */
  protected becameWritable(): void {
    const callback = this.#writable;
    this.#writable = undefined;
    callback?.();
  }

  /** For the medium: `confirmed` has grown. */
  protected becameConfirmed(): void {
    const callback = this.#confirm;
    this.#confirm = undefined;
    callback?.();
  }

  /** For the medium: it broke or the peer is gone. Closes and tells the owner, once. */
  protected fail(reason: BusError): void {
    if (this.#closing !== undefined) return;
    this.#closeReason = reason;
    this.#closing = this.#end(reason);
    // Never from within a claim or commit: the owner has a frame in hand.
    queueMicrotask(() => {
      this.#told = true;
      this.#closeCallback?.(reason);
    });
  }

  async #end(reason: BusError | undefined): Promise<void> {
    this.#open = false;
    this.#writable = undefined;
    this.#confirm = undefined;
    await this.release(reason);
  }
}
