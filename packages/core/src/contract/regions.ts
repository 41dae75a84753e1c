import type { PeerInfo } from './peer.ts';

/**
 * Bulk memory handed over by reference: shm slots, dma slabs. The frame itself (flag `by-ref`, payload = descriptor)
 * travels on any route. A transport with `capabilities.regions` offers one of these.
 */
export interface RegionProvider {
  /** A slab of at least `bytes`, zeroed before it changes owner. @throws BusError RESOURCE_EXHAUSTED */
  alloc(bytes: number): Promise<Slab>;
  /** What the receiver needs to find the slab: at most 64 bytes, position-independent. */
  export(slab: Slab): Uint8Array;
  /** Opens a peer's slab; by default the bus copies it out and releases at once. @throws BusError PROTOCOL_ERROR */
  open(descriptor: Uint8Array, peer: PeerInfo): Promise<Lease>;
}

/** Memory of the sender's until it is handed over or released. */
export interface Slab {
  readonly view: Uint8Array;
  release(): void;
}

/** Memory of a peer's, readable until released. The peer may still write it unless the provider sealed it. */
export interface Lease {
  readonly view: Uint8Array;
  release(): void;
}
