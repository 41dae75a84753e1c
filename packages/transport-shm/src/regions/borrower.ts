import { BusError, type Lease, type PeerInfo } from '@busbar/core/contract';
import { type Bell, openBell, openSharedMemory } from '@busbar/native';
import { BorrowedRegion } from './borrowed-region.ts';
import { type Descriptor, decodeDescriptor } from './descriptor.ts';
import type { Holds } from './holds.ts';
import { MAX_SLOT_BYTES, regionBytes } from './region-layout.ts';

/** Regions of one peer that may be mapped at a time. */
const MAX_REGIONS = 4096;
const MAX_REGION_BYTES = regionBytes(MAX_SLOT_BYTES, 1);

/** What peers lend to one participant: their regions, mapped when first referred to. */
export class Borrower {
  readonly #regions = new Map<string, Map<number, BorrowedRegion>>();
  /** No longer referred to, and perhaps still read. */
  readonly #retired = new Set<BorrowedRegion>();
  readonly #holds: Holds;

  constructor(holds: Holds) {
    this.#holds = holds;
  }

  /** See `RegionProvider.open`. */
  open(bytes: Uint8Array, peer: PeerInfo): Lease | undefined {
    const where = `participant ${peer.name} (pid ${peer.pid})`;
    const descriptor = decodeDescriptor(bytes);
    if (descriptor === undefined) throw new BusError('PROTOCOL_ERROR', 'a reference that makes no sense', { where });
    return this.#region(descriptor, peer, where).open(descriptor, where);
  }

  #region(descriptor: Descriptor, peer: PeerInfo, where: string): BorrowedRegion {
    let regions = this.#regions.get(peer.id);
    if (regions === undefined) {
      regions = new Map();
      this.#regions.set(peer.id, regions);
    }
    let region = regions.get(descriptor.region);
    if (region === undefined) {
      if (regions.size >= MAX_REGIONS)
        throw new BusError('PROTOCOL_ERROR', `more than ${MAX_REGIONS} regions of one peer`, { where });
      region = mapped(descriptor, peer, where, this.#holds);
      regions.set(descriptor.region, region);
    }
    return region;
  }

  /** The peer refers to its region no more. */
  forget(peer: PeerInfo, number: number): void {
    const regions = this.#regions.get(peer.id);
    const region = regions?.get(number);
    if (region === undefined) return;
    regions?.delete(number);
    this.#retire(region);
  }

  /** The link broke; should it go on, regions are mapped again. */
  peerLost(peer: PeerInfo): void {
    for (const region of this.#regions.get(peer.id)?.values() ?? []) this.#retire(region);
    this.#regions.delete(peer.id);
  }

  #retire(region: BorrowedRegion): void {
    region.retire();
    for (const one of this.#retired) if (one.closed) this.#retired.delete(one);
    if (!region.closed) this.#retired.add(region);
  }

  close(): void {
    for (const regions of this.#regions.values()) for (const region of regions.values()) region.close();
    for (const region of this.#retired) region.close();
    this.#regions.clear();
    this.#retired.clear();
  }
}

function mapped(descriptor: Descriptor, peer: PeerInfo, where: string, holds: Holds): BorrowedRegion {
  if (!peer.verified)
    throw new BusError('PROTOCOL_ERROR', 'the kernel has not said which process the peer is', { where });
  const memory = openSharedMemory(peer.pid, descriptor.memory, MAX_REGION_BYTES);
  let bell: Bell | undefined;
  try {
    bell = openBell(peer.pid, descriptor.bell);
    return new BorrowedRegion(memory, bell, where, holds);
  } catch (error) {
    bell?.close();
    memory.close();
    throw error;
  }
}
