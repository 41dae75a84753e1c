import { BACK_PRESSURED, BusError, type FrameHandler, OK, type PeerInfo, SenderBase } from '@busbar/core/contract';
import type { ChannelLimits } from './channel-limits.ts';
import { FrameRing, RECORD_WORDS_BYTES } from './frame-ring.ts';
import type { MemoryReceiver } from './memory-receiver.ts';
import type { Source } from './source.ts';

/** A sender whose receiver lives on the same thread and reads the frames where they were written. */
export class LocalSender extends SenderBase implements Source {
  frame;
  listed = false;
  readonly #ring: FrameRing;
  readonly #address: string;
  readonly #released: () => void;
  #inbox!: MemoryReceiver;
  #from!: PeerInfo;
  #copied = 0;
  #notifying = false;

  constructor(address: string, limits: ChannelLimits, released: () => void) {
    super(limits.maxFrameLength);
    this.#address = address;
    this.#released = released;
    this.#ring = new FrameRing(limits.bufferBytes);
    this.frame = this.#ring.buffer;
  }

  /** Connects it to its inbox, whose owner knows the sender as `from`. */
  attach(inbox: MemoryReceiver, from: PeerInfo): void {
    this.#inbox = inbox;
    this.#from = from;
    inbox.attach(this);
  }

  get peer(): PeerInfo {
    return this.#from;
  }

  get pending(): boolean {
    return this.#ring.used > 0;
  }

  get writableBytes(): number {
    return this.isOpen ? Math.max(0, this.#ring.room - RECORD_WORDS_BYTES) : 0;
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    return level === 'copied' ? this.#copied : 0;
  }

  read(handler: FrameHandler, limit: number): number {
    const handed = this.#ring.read(handler, limit, this.#from);
    this.#copied += handed;
    if (this.awaitsRoom || this.awaitsConfirmation) this.#notify();
    return handed;
  }

  /** Frames are where the receiver reads them as soon as they are committed. */
  pull(): void {}

  inboxClosed(): void {
    queueMicrotask(() => this.end('the inbox was closed'));
  }

  /** The peer is gone, or closed its inbox. */
  end(what: string): void {
    this.fail(new BusError('PEER_GONE', what, { where: this.#address }));
  }

  protected claim(length: number): number {
    const offset = this.#ring.claim(length);
    if (offset < 0) return BACK_PRESSURED;
    this.offset = offset;
    this.frame = this.#ring.buffer;
    return OK;
  }

  protected publish(length: number): void {
    this.#ring.publish(this.offset, length);
    if (!this.listed) this.#inbox.list(this);
  }

  protected release(): void {
    this.#inbox?.forget(this);
    this.#released();
  }

  // After the receiver's pass, so that a sender's callback never runs in the middle of it.
  #notify(): void {
    if (this.#notifying) return;
    this.#notifying = true;
    queueMicrotask(() => {
      this.#notifying = false;
      if (this.#ring.hasSlack) this.becameWritable();
      this.becameConfirmed();
    });
  }
}
