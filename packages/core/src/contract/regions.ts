import type { PeerInfo } from './peer.ts';

/**
 * Bulk memory handed over by reference: shm slots, dma slabs. The frame itself (flag `by-ref`, payload = descriptor)
 * travels on any route. A transport with `capabilities.regions` offers one of these.
 *
 * A slab is its sender's until it calls `release`, and then stays as it is until every peer that it was exported to has
 * let go of it or is dead; never is it taken back by time.
 */
export interface RegionProvider {
  /**
   * A slab of exactly `bytes`, 1 or more. It may bear what was in it before. Undefined: none is free now; see `onFree`.
   * @throws BusError TOO_LARGE: never, whoever lets go; RESOURCE_EXHAUSTED
   */
  tryAlloc(bytes: number): Slab | undefined;
  /** Calls back once when `tryAlloc` may say otherwise than undefined. */
  onFree(callback: () => void): void;
  /**
   * The slab's bytes are to be `peer`'s to read: at most 64 bytes that tell it where they are, valid until the next call.
   * A second time for the same slab and peer says the same. Undefined: this peer cannot be given it.
   */
  export(slab: Slab, peer: PeerInfo): Uint8Array | undefined;
  /**
   * Opens what a peer has exported, once a descriptor. By default the bus copies it out and releases at once. Undefined: its
   * sender has taken it back meanwhile, since the link broke; it will be sent again if the link goes on.
   * @throws BusError PROTOCOL_ERROR: no peer says this; RESOURCE_EXHAUSTED | TRANSPORT_FAILED
   */
  open(descriptor: Uint8Array, peer: PeerInfo): Lease | undefined;
  /**
   * Calls back once when this participant has nothing of it: every slab and every lease is released; now, perhaps. A transport
   * that is removed while the bus goes on is closed then; until then what the application has stays as it is.
   */
  onIdle(callback: () => void): void;
}

/** Memory of the sender's until it is released. */
export interface Slab {
  readonly view: Uint8Array;
  /** The owner writes and exports it no more. */
  release(): void;
}

/**
 * Bytes lent to their receiver. Nothing is copied, so they are where the sender can still write: whoever takes a lease
 * trusts the sender. Good until `release`, or until this bus is closed; then the view reads zeros, or newer messages.
 */
export interface Lease extends Disposable {
  readonly view: Uint8Array;
  /** The sender may use the memory again. Idempotent. */
  release(): void;
}
