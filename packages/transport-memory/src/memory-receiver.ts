import { type FrameHandler, type PeerInfo, ReceiverBase } from '@busbar/core/contract';
import type { Source } from './source.ts';

/** The inbox of one participant: reads its sources in turn, and wakes its owner from the event loop. */
export class MemoryReceiver extends ReceiverBase {
  readonly address: string;
  readonly #sources = new Set<Source>();
  /** Sources with frames, the next to read first. */
  readonly #ready: Source[] = [];
  #wake: NodeJS.Immediate | undefined;
  #reading = false;

  constructor(address: string) {
    super();
    this.address = address;
  }

  get open(): boolean {
    return this.isOpen;
  }

  attach(source: Source): void {
    this.#sources.add(source);
  }

  /** The source will bring no more; what it has brought can still be polled. */
  forget(source: Source): void {
    this.#sources.delete(source);
  }

  /** `source` has frames. Calls the owner back in the next turn of the event loop, never before this returns. */
  list(source: Source): void {
    source.listed = true;
    this.#ready.push(source);
    this.#schedule();
  }

  prepareToSleep(): boolean {
    return this.#ready.length === 0;
  }

  drain(peer: PeerInfo): void {
    for (const source of this.#sources) {
      if (source.peer.id !== peer.id) continue;
      source.pull();
      this.#sources.delete(source);
    }
  }

  protected read(handler: FrameHandler, limit: number): number {
    // A handler that polls would see the frame it is handling again.
    if (this.#reading) return 0;
    this.#reading = true;
    const ready = this.#ready;
    let handed = 0;
    try {
      while (handed < limit && ready.length > 0) {
        const source = ready[0];
        handed += source.read(handler, limit - handed);
        ready.shift();
        if (source.pending) ready.push(source);
        else source.listed = false;
      }
    } finally {
      this.#reading = false;
    }
    if (ready.length > 0) this.#schedule();
    return handed;
  }

  protected release(): void {
    if (this.#wake !== undefined) clearImmediate(this.#wake);
    for (const source of this.#sources) source.inboxClosed();
    this.#sources.clear();
    this.#ready.length = 0;
  }

  // By setImmediate, not by microtask: two participants that answer each other would never let the event loop run.
  #schedule(): void {
    this.#wake ??= setImmediate(this.#wakeUp);
  }

  readonly #wakeUp = (): void => {
    this.#wake = undefined;
    if (this.#ready.length > 0) this.becameReadable();
  };
}
