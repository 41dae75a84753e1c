import { randomInt } from 'node:crypto';
import { BusError, type PeerInfo, type Slab } from '@busbar/core/contract';
import { createSharedMemory } from '@busbar/native';
import { encodeDescriptor } from './descriptor.ts';
import type { Holds } from './holds.ts';
import { LendingRegion } from './lending-region.ts';
import type { LentSlot } from './lent-slot.ts';
import { MAX_SLOT_BYTES, regionBytes, slotBytesFor, slotsOf } from './region-layout.ts';

/** What the owner of regions needs of its transport. */
export interface LenderHost {
  readonly name: string;
  /** Shows in /proc/<pid>/maps. */
  readonly label: string;
  /** Descriptor of this participant's doorbell. */
  readonly bell: number;
  /** Whether `peer` can open descriptors of this process; a reference that it cannot follow would cost it the link. */
  reaches(peer: PeerInfo): boolean;
  /** Region `number` is not referred to any more; these had something of it. */
  retired(number: number, borrowers: Iterable<PeerInfo>): void;
}

/** Slots of one size. */
interface SizeClass {
  readonly free: LentSlot[];
  /** Neither being written nor free: as far as is known, somebody reads them. */
  readonly lent: LentSlot[];
}

/** Memory being written, or read by those it was exported to. */
class ShmSlab implements Slab {
  readonly view: Uint8Array;
  readonly slot: LentSlot;
  readonly #settle: (slot: LentSlot) => void;
  #released = false;

  constructor(slot: LentSlot, bytes: number, settle: (slot: LentSlot) => void) {
    this.view = new Uint8Array(slot.region.memory.buffer, slot.offset, bytes);
    this.slot = slot;
    this.#settle = settle;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#settle(this.slot);
  }
}

/** The regions of one participant, from which it lends slots. They grow up to a limit, and are reused for ever. */
export class Lender {
  readonly #host: LenderHost;
  readonly #limit: number;
  readonly #regions = new Set<LendingRegion>();
  /** By bytes of a slot. */
  readonly #classes = new Map<number, SizeClass>();
  /** Peers whose link broke and whose death is not proven; they may keep what they have opened. */
  readonly #astray = new Map<string, number>();
  #bytes = 0;
  /** Another transport of this name may follow; its numbers are to be others, since peers may know these. */
  #lastNumber = randomInt(2 ** 30);
  #waiting: (() => void)[] = [];
  #closed = false;
  readonly #holds: Holds;

  /** `limit`: bytes of all regions. */
  constructor(host: LenderHost, limit: number, holds: Holds) {
    this.#host = host;
    this.#limit = limit;
    this.#holds = holds;
  }

  /** See `RegionProvider.tryAlloc`. */
  tryAlloc(bytes: number): Slab | undefined {
    const slotBytes = slotBytesFor(bytes);
    if (bytes > MAX_SLOT_BYTES || regionBytes(slotBytes, slotsOf(slotBytes)) > this.#limit) {
      throw new BusError('TOO_LARGE', `${bytes} bytes are more than is ever lent: ${this.#limit} in all`, {
        where: this.#host.name,
        remedy: 'split it, or raise lendingBytes of the transport',
      });
    }
    if (this.#closed) throw new BusError('CLOSED', 'the transport is closed', { where: this.#host.name });
    const sizes = this.#sizeClass(slotBytes);
    const slot = this.#take(sizes) ?? this.#grow(slotBytes, sizes);
    if (slot === undefined) return undefined;
    this.#holds.acquire();
    return new ShmSlab(slot, bytes, this.#settle);
  }

  #sizeClass(slotBytes: number): SizeClass {
    let sizes = this.#classes.get(slotBytes);
    if (sizes === undefined) {
      sizes = { free: [], lent: [] };
      this.#classes.set(slotBytes, sizes);
    }
    return sizes;
  }

  #take(sizes: SizeClass): LentSlot | undefined {
    if (sizes.free.length === 0) reclaim(sizes);
    for (let slot = sizes.free.pop(); slot !== undefined; slot = sizes.free.pop()) {
      if (slot.take()) return slot;
      sizes.lent.push(slot);
    }
    return undefined;
  }

  /** One more region; undefined when there is no room for it. */
  #grow(slotBytes: number, sizes: SizeClass): LentSlot | undefined {
    const bytes = regionBytes(slotBytes, slotsOf(slotBytes));
    if (!this.#makeRoom(bytes) && !this.#buryDead()) return undefined;
    if (!this.#makeRoom(bytes)) return this.#take(sizes);
    const memory = createSharedMemory(this.#host.label, bytes);
    const region = new LendingRegion(++this.#lastNumber, memory, slotBytes);
    if (this.#waiting.length > 0) region.wait(true);
    this.#regions.add(region);
    this.#bytes += bytes;
    sizes.free.push(...region.slots);
    return this.#take(sizes);
  }

  /** Gives up regions that nobody uses until there is room for `bytes` more. */
  #makeRoom(bytes: number): boolean {
    if (this.#bytes + bytes <= this.#limit) return true;
    for (const sizes of this.#classes.values()) reclaim(sizes);
    for (const region of this.#regions) {
      if (!region.idle) continue;
      this.#retire(region);
      if (this.#bytes + bytes <= this.#limit) return true;
    }
    return false;
  }

  #retire(region: LendingRegion): void {
    this.#regions.delete(region);
    this.#bytes -= region.memory.bytes;
    const { free } = this.#sizeClass(region.slotBytes);
    for (const slot of region.slots) free.splice(free.indexOf(slot), 1);
    region.memory.close();
    this.#host.retired(region.number, region.borrowers);
  }

  /** Nothing is left: perhaps somebody whose link broke has died meanwhile. True: it has. */
  #buryDead(): boolean {
    let found = false;
    for (const [id, pid] of this.#astray) {
      if (isAlive(pid)) continue;
      found = true;
      this.peerLost(id, pid, true);
    }
    return found;
  }

  readonly #settle = (slot: LentSlot): void => {
    if (!this.#closed) this.#release(slot);
    this.#holds.release();
  };

  #release(slot: LentSlot): void {
    const sizes = this.#sizeClass(slot.region.slotBytes);
    if (!slot.settle()) {
      sizes.lent.push(slot);
      return;
    }
    sizes.free.push(slot);
    this.#told();
  }

  /** See `RegionProvider.onFree`. */
  onFree(callback: () => void): void {
    this.#waiting.push(callback);
    // L3: sequential; pairs with the load in `BorrowedRegion.release`.
    for (const region of this.#regions) region.wait(true);
    let any = false;
    for (const sizes of this.#classes.values()) if (reclaim(sizes)) any = true;
    if (any) queueMicrotask(() => this.#told());
  }

  /** The doorbell rang. */
  rung(): void {
    if (this.#waiting.length > 0) this.#told();
  }

  #told(): void {
    if (this.#waiting.length === 0) return;
    for (const region of this.#regions) region.wait(false);
    for (const callback of this.#waiting.splice(0)) callback();
  }

  /** See `RegionProvider.export`. */
  export(slab: Slab, peer: PeerInfo): Uint8Array | undefined {
    const { slot, view } = slab as ShmSlab;
    const { region } = slot;
    // A pid that only the peer itself has named leads to no memory, at either side.
    const reader = peer.verified && !this.#closed && this.#host.reaches(peer) ? region.readerFor(peer) : undefined;
    if (reader === undefined) return undefined;
    slot.exportTo(reader);
    this.#astray.delete(peer.id);
    return encodeDescriptor({
      region: region.number,
      memory: region.memory.descriptor,
      nonce: region.nonce,
      bell: this.#host.bell,
      slot: slot.index,
      generation: slot.generation,
      reader,
      bytes: view.length,
    });
  }

  /** The link to a peer broke. What it has opened it may keep until it releases it, or is dead. */
  peerLost(id: string, pid: number, dead: boolean): void {
    let keeps = false;
    for (const region of this.#regions) if (region.lost(id, dead)) keeps = true;
    if (keeps) this.#astray.set(id, pid);
    else this.#astray.delete(id);
    this.#told();
  }

  close(): void {
    this.#closed = true;
    for (const region of this.#regions) region.memory.close();
    this.#regions.clear();
    this.#classes.clear();
    this.#told();
  }
}

/** Finds what has been released; true when there is some. */
function reclaim({ free, lent }: SizeClass): boolean {
  let kept = 0;
  for (const slot of lent) {
    if (slot.settle()) free.push(slot);
    else lent[kept++] = slot;
  }
  const found = kept < lent.length;
  lent.length = kept;
  return found;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
