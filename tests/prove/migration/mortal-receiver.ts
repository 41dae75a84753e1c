import { BusError, type FrameHandler, type PeerInfo, type Receiver } from '@busbar/core/contract';

/** An inbox that can be made to die. */
export class MortalReceiver implements Receiver {
  readonly #inner: Receiver;
  #onClose: ((reason: BusError) => void) | undefined;

  constructor(inner: Receiver) {
    this.#inner = inner;
    inner.onClose((reason) => this.#onClose?.(reason));
  }

  kill(): void {
    // Later: its owner may be in the middle of a poll.
    queueMicrotask(() => {
      this.#inner.close().catch(() => {});
      this.#onClose?.(new BusError('TRANSPORT_FAILED', 'the inbox died', { where: this.address }));
    });
  }

  get address(): string {
    return this.#inner.address;
  }

  poll(handler: FrameHandler, limit: number): number {
    return this.#inner.poll(handler, limit);
  }

  onReadable(callback: () => void): void {
    this.#inner.onReadable(callback);
  }

  prepareToSleep(): boolean {
    return this.#inner.prepareToSleep();
  }

  drain(peer: PeerInfo): void {
    this.#inner.drain(peer);
  }

  onClose(callback: (reason: BusError) => void): void {
    this.#onClose = callback;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
