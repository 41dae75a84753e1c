import { align8, allocateFrameBuffer, BACK_PRESSURED, BusError, OK, SenderBase } from '@busbar/core/contract';
import type { ChannelLimits } from './channel-limits.ts';
import { RECORD_WORDS_BYTES } from './frame-ring.ts';
import { type Copied, END, ThreadChannel, type ThreadMessage } from './thread-channel.ts';

/** Bytes gathered before they are posted unasked; one post costs some 5 us and about 1 us a KiB. */
const BLOCK_BYTES = 65_536;

/** A sender whose receiver lives on another thread of the process: gathers frames and posts them by the block. */
export class ThreadSender extends SenderBase {
  frame = allocateFrameBuffer(0);
  readonly #address: string;
  readonly #window: number;
  readonly #released: () => void;
  readonly #channel: ThreadChannel;
  /** Bytes of records in the block, not yet posted. */
  #filled = 0;
  /** Bytes of records committed since creation, and how many of them the receiver has copied out. */
  #committed = 0;
  #copied: Copied = { frames: 0, bytes: 0 };

  constructor(address: string, token: string, limits: ChannelLimits, released: () => void) {
    super(limits.maxFrameLength);
    this.#released = released;
    this.#address = address;
    this.#window = limits.bufferBytes;
    this.#channel = new ThreadChannel(token, (message) => this.#take(message));
  }

  get writableBytes(): number {
    if (!this.isOpen) return 0;
    return Math.max(0, this.#window - this.#unread - RECORD_WORDS_BYTES);
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    return level === 'copied' ? this.#copied.frames : 0;
  }

  override flush(): void {
    if (this.#filled === 0 || !this.isOpen) return;
    // A view would be posted with the whole block behind it.
    this.#channel.post(this.frame.u8.slice(0, this.#filled));
    this.#filled = 0;
  }

  /** The peer is gone, or closed its inbox. */
  end(what: string): void {
    this.fail(new BusError('PEER_GONE', what, { where: this.#address }));
  }

  protected claim(length: number): number {
    const bytes = RECORD_WORDS_BYTES + align8(length);
    if (this.#unread > 0 && this.#unread + bytes > this.#window) {
      this.flush();
      return BACK_PRESSURED;
    }
    if (this.#filled + bytes > this.frame.u8.length) {
      this.flush();
      if (bytes > this.frame.u8.length) this.frame = allocateFrameBuffer(Math.max(bytes, BLOCK_BYTES));
    }
    this.offset = this.#filled + RECORD_WORDS_BYTES;
    return OK;
  }

  protected publish(length: number): void {
    const bytes = RECORD_WORDS_BYTES + align8(length);
    this.frame.i32[this.#filled >> 2] = length;
    this.#filled += bytes;
    this.#committed += bytes;
  }

  protected release(reason: BusError | undefined): void {
    if (reason === undefined) {
      if (this.#filled > 0) this.#channel.post(this.frame.u8.slice(0, this.#filled));
      this.#channel.post(END);
    }
    this.#channel.close();
    this.#released();
  }

  get #unread(): number {
    return this.#committed - this.#copied.bytes;
  }

  #take(message: ThreadMessage): void {
    if (message === END) {
      this.end('the inbox was closed');
      return;
    }
    if (message instanceof Uint8Array) return;
    this.#copied = message;
    if (this.awaitsRoom && this.#unread <= this.#window >> 1) this.becameWritable();
    this.becameConfirmed();
  }
}
