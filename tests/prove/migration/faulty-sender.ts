import {
  allocateFrameBuffer,
  BACK_PRESSURED,
  BusError,
  copyAligned,
  type FrameBuffer,
  KIND,
  KIND_OFFSET,
  OK,
  type Sender,
  SenderBase,
} from '@busbar/core/contract';
import type { FaultKind } from './faults.ts';

/** How a fault goes on once it has begun. */
export interface Fault {
  readonly kind: FaultKind;
  /** Frames that the medium still takes, and keeps to itself, before it breaks or is full. */
  readonly frames: number;
  /** By which a degraded medium holds back each frame. */
  readonly delayMs: number;
}

interface Held {
  readonly bytes: FrameBuffer;
  readonly length: number;
  /** Goes on from then, on the clock of `performance.now`. */
  readonly dueAt: number;
}

/** Bytes that a medium which holds frames back takes before it is full. */
const HELD_BYTES = 256 * 1024;
/** A medium that is to break, or to be full, is so by then, even if it has taken fewer frames. */
const RIPENS_MS = 20;

/**
 * The writing end of a medium that can be struck by a fault. As long as it is not, frames go straight into the inner
 * medium; what is held back waits here, in its order.
 */
export class FaultySender extends SenderBase {
  frame: FrameBuffer = allocateFrameBuffer(8);
  readonly #inner: Sender;
  readonly #ended: (sender: FaultySender) => void;
  readonly #unconfirmed: () => number;
  readonly #struck: (hit: boolean) => void;
  #own = allocateFrameBuffer(4_096);
  #held: Held[] = [];
  #heldBytes = 0;
  #fault: Fault | undefined;
  /** The fault has shown itself. */
  #shown = false;
  /** The frame in hand is to be held back. */
  #holds = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * `unconfirmed`: messages that the bus has written to it and knows nothing of. `struck` is told whether there are any
   * when a fault shows itself, before anybody else notices; `ended` is called when the sender is closed.
   */
  constructor(
    inner: Sender,
    unconfirmed: () => number,
    struck: (hit: boolean) => void,
    ended: (sender: FaultySender) => void,
  ) {
    // The inner one knows what is too large.
    super(Number.MAX_SAFE_INTEGER);
    this.#inner = inner;
    this.#unconfirmed = unconfirmed;
    this.#struck = struck;
    this.#ended = ended;
    inner.onClose((reason) => {
      if (this.#fault?.kind === 'endpointKilled') this.#show();
      this.fail(reason);
    });
  }

  strike(fault: Fault): void {
    this.#fault = fault;
    this.#shown = false;
    this.#stopTimer();
    if (this.#holdsBack) this.#after(RIPENS_MS, () => this.#ripen());
    // What waited for room in the inner medium finds some before this one.
    queueMicrotask(() => this.#forward());
  }

  /** The fault is over; what was held back goes on. */
  putBack(): void {
    this.#fault = undefined;
    this.#forward();
  }

  get #isFull(): boolean {
    return this.#fault?.kind === 'filled' && (this.#shown || this.#held.length >= this.#fault.frames);
  }

  /** Nothing goes on until the fault is over. */
  get #holdsBack(): boolean {
    return this.#fault?.kind === 'closed' || this.#fault?.kind === 'filled';
  }

  /** Frames go into the inner medium at once. */
  get #isThrough(): boolean {
    return !this.#holdsBack && this.#fault?.kind !== 'degraded' && this.#held.length === 0;
  }

  get writableBytes(): number {
    if (!this.isOpen || this.#isFull) return 0;
    return this.#isThrough ? this.#inner.writableBytes : Math.max(0, HELD_BYTES - this.#heldBytes);
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    return this.#inner.confirmed(level);
  }

  override onConfirmed(callback: () => void): void {
    super.onConfirmed(callback);
    this.#inner.onConfirmed(() => this.becameConfirmed());
  }

  override onWritable(callback: () => void): void {
    super.onWritable(callback);
    // Else the medium says so when it lets go of what it holds.
    if (this.#isThrough) this.#awaitInner();
  }

  override flush(): void {
    this.#inner.flush();
  }

  protected claim(length: number): number {
    this.#holds = !this.#isThrough;
    if (!this.#holds) {
      const answer = this.#inner.tryClaim(length);
      if (answer !== OK) return answer;
      this.frame = this.#inner.frame;
      this.offset = this.#inner.offset;
      return OK;
    }
    if (this.writableBytes < length) return BACK_PRESSURED;
    if (this.#own.u8.length < length) this.#own = allocateFrameBuffer(length);
    this.frame = this.#own;
    this.offset = 0;
    return OK;
  }

  override abort(): void {
    super.abort();
    if (!this.#holds) this.#inner.abort();
  }

  protected publish(length: number): void {
    if (!this.#holds) {
      this.#inner.commit(length);
      return;
    }
    const bytes = allocateFrameBuffer(length);
    copyAligned(this.frame, 0, bytes, 0, length);
    const delayMs = this.#fault?.kind === 'degraded' ? this.#fault.delayMs : 0;
    this.#held.push({ bytes, length, dueAt: performance.now() + delayMs });
    this.#heldBytes += length;
    // Later: the bus counts the frame in hand as written when the commit returns.
    if (delayMs > 0) {
      queueMicrotask(() => this.#show());
      this.#after(delayMs, () => this.#forward());
    } else if (this.#holdsBack && this.#held.length === this.#fault?.frames) queueMicrotask(() => this.#ripen());
  }

  /** Messages, and pieces of those not yet written as a whole, that nobody has confirmed. */
  get #meetsSome(): boolean {
    return this.#unconfirmed() > 0 || this.#held.some(({ bytes }) => bytes.u8[KIND_OFFSET] === KIND.EVENT);
  }

  #show(): void {
    if (this.#shown || this.#fault === undefined) return;
    this.#shown = true;
    this.#struck(this.#meetsSome);
  }

  /** It holds what it should; but without any message the fault would show nothing. */
  #ripen(): void {
    if (!this.isOpen || !this.#holdsBack || this.#shown) return;
    if (!this.#meetsSome) this.#after(RIPENS_MS, () => this.#ripen());
    else if (this.#fault?.kind === 'closed') this.#break();
    else this.#show();
  }

  /** With everything it holds: that is lost. */
  #break(): void {
    this.#show();
    this.#held = [];
    this.fail(new BusError('TRANSPORT_FAILED', 'the medium broke', { where: 'migration' }));
  }

  /** Hands on what may go on, and tells who waits for room. */
  #forward(): void {
    if (!this.isOpen) return;
    if (!this.#holdsBack) this.#passDue();
    if (!this.#isFull && this.#heldBytes < HELD_BYTES / 2) this.becameWritable();
  }

  /** As far as the inner medium takes it. */
  #passDue(): void {
    const now = performance.now();
    const isDelayed = this.#fault?.kind === 'degraded';
    let gone = 0;
    for (; gone < this.#held.length; gone++) {
      const { bytes, length, dueAt } = this.#held[gone];
      if (isDelayed && dueAt > now) break;
      if (!this.#pass(bytes, length)) {
        this.#awaitInner();
        break;
      }
      this.#heldBytes -= length;
    }
    this.#held.splice(0, gone);
    if (gone > 0) this.#inner.flush();
    if (this.#held.length > 0 && isDelayed) this.#after(Math.max(1, this.#held[0].dueAt - now), () => this.#forward());
  }

  #pass(bytes: FrameBuffer, length: number): boolean {
    if (this.#inner.tryClaim(length) !== OK) return false;
    copyAligned(bytes, 0, this.#inner.frame, this.#inner.offset, length);
    this.#inner.commit();
    return true;
  }

  #awaitInner(): void {
    this.#inner.onWritable(() => this.#forward());
  }

  #after(ms: number, then: () => void): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      then();
    }, ms);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What the medium holds arrives after all, late: whoever closed it has sent it again by then. */
  protected async release(): Promise<void> {
    this.#stopTimer();
    this.#ended(this);
    for (const { bytes, length } of this.#held) if (!this.#pass(bytes, length)) break;
    this.#held = [];
    await this.#inner.close();
  }
}
