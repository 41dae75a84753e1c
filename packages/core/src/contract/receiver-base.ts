import { BusError } from './errors.ts';
import type { PeerInfo } from './peer.ts';
import type { FrameHandler, Receiver } from './transport.ts';

/**
 * The state machine every receiver shares: open -> closed, callbacks, close twice, use after close, statistics.
 * A medium writes `read`, `release` and `drain`, and calls `becameReadable`.
 */
export abstract class ReceiverBase implements Receiver {
  abstract readonly address: string;
  /** Frames handed over so far. */
  frames = 0;

  #open = true;
  #readable: (() => void) | undefined;
  #closeCallback: ((reason: BusError) => void) | undefined;
  #closeReason: BusError | undefined;
  #closing: Promise<void> | undefined;

  /** Hands over at most `limit` frames; returns how many. */
  protected abstract read(handler: FrameHandler, limit: number): number;
  /** Frees what the medium holds; called once. */
  protected abstract release(): Promise<void> | void;
  abstract prepareToSleep(): boolean;
  abstract drain(peer: PeerInfo): void;

  poll(handler: FrameHandler, limit: number): number {
    if (!this.#open) return 0;
    const handed = this.read(handler, limit);
    this.frames += handed;
    return handed;
  }

  onReadable(callback: () => void): void {
    if (!this.#open) throw new BusError('CLOSED', 'onReadable on a closed receiver', { where: this.address });
    this.#readable = callback;
  }

  onClose(callback: (reason: BusError) => void): void {
    this.#closeCallback = callback;
    const reason = this.#closeReason;
    if (reason !== undefined) queueMicrotask(() => callback(reason));
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  protected get isOpen(): boolean {
    return this.#open;
  }

  /** For the medium: `poll` has something. */
  protected becameReadable(): void {
    this.#readable?.();
  }

  /** For the medium: the inbox as a whole is gone (one peer's end is not that). */
  protected fail(reason: BusError): void {
    if (this.#closing !== undefined) return;
    this.#closeReason = reason;
    this.#closing = this.#end();
    this.#closeCallback?.(reason);
  }

  async #end(): Promise<void> {
    this.#open = false;
    this.#readable = undefined;
    await this.release();
  }
}
