import type { Lease, PeerInfo, RegionProvider, Slab } from '@busbar/core/contract';
import { Borrower } from './borrower.ts';
import { Holds } from './holds.ts';
import { Lender, type LenderHost } from './lender.ts';

/** Slots of shared memory, lent to peers and borrowed from them. */
export class ShmRegions implements RegionProvider {
  readonly #holds = new Holds();
  readonly #lender: Lender;
  readonly #borrower = new Borrower(this.#holds);

  constructor(host: LenderHost, limit: number) {
    this.#lender = new Lender(host, limit, this.#holds);
  }

  tryAlloc(bytes: number): Slab | undefined {
    return this.#lender.tryAlloc(bytes);
  }

  onFree(callback: () => void): void {
    this.#lender.onFree(callback);
  }

  export(slab: Slab, peer: PeerInfo): Uint8Array | undefined {
    return this.#lender.export(slab, peer);
  }

  open(descriptor: Uint8Array, peer: PeerInfo): Lease | undefined {
    return this.#borrower.open(descriptor, peer);
  }

  onIdle(callback: () => void): void {
    this.#holds.onIdle(callback);
  }

  /** A peer has given up its region. */
  retired(peer: PeerInfo, number: number): void {
    this.#borrower.forget(peer, number);
  }

  peerLost(peer: PeerInfo, dead: boolean): void {
    this.#lender.peerLost(peer.id, peer.pid, dead);
    this.#borrower.peerLost(peer);
  }

  /** The doorbell rang. */
  rung(): void {
    this.#lender.rung();
  }

  close(): void {
    this.#lender.close();
    this.#borrower.close();
  }
}
