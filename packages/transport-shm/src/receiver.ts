import { allocateFrameBuffer, BusError, type FrameHandler, type PeerInfo, ReceiverBase } from '@busbar/core/contract';
import { maxRingFrame } from '@busbar/ring';
import { RING_BYTES } from './capabilities.ts';
import type { InboundRing } from './inbound-ring.ts';
import type { Waiters } from './waiters.ts';

/** So many are polled on beside a busy one, however quiet: a look costs some 10 ns, a doorbell microseconds. */
const FEW_RINGS = 4;

/**
 * The inbox: polls the rings in use and lets the others sleep until their senders ring the doorbell. While it is
 * polled it also looks after this participant's senders that wait, so that their receivers need not wake anybody.
 */
export class ShmReceiver extends ReceiverBase {
  readonly address: string;
  readonly #waiters: Waiters;
  readonly #violated: (peer: PeerInfo, error: BusError) => void;
  readonly #dropped: (ring: InboundRing) => void;
  readonly #rings = new Set<InboundRing>();
  /** Rings not parked, in turn. */
  readonly #active: InboundRing[] = [];
  /** Where frames are copied to: private, and good until the next one. */
  readonly #frame = allocateFrameBuffer(maxRingFrame(RING_BYTES));
  #turn = 0;
  /** The last poll had frames. */
  #busy = false;
  #reading = false;

  /** `violated` hears of peers that break the rules, `dropped` of each ring that is closed. */
  constructor(
    address: string,
    waiters: Waiters,
    violated: (peer: PeerInfo, error: BusError) => void,
    dropped: (ring: InboundRing) => void,
  ) {
    super();
    this.address = address;
    this.#violated = violated;
    this.#waiters = waiters;
    this.#dropped = dropped;
  }

  get open(): boolean {
    return this.isOpen;
  }

  /** A ring is read from now on; its first frame rings. */
  add(ring: InboundRing): void {
    this.#rings.add(ring);
    if (!ring.parked) this.#active.push(ring);
  }

  ringsOf(peer: PeerInfo): number {
    let count = 0;
    for (const ring of this.#rings) if (ring.peer.id === peer.id) count++;
    return count;
  }

  /** The ring that `peer` knows by `number`. */
  find(peer: PeerInfo, number: number): InboundRing | undefined {
    for (const ring of this.#rings) if (ring.number === number && ring.peer.id === peer.id) return ring;
    return undefined;
  }

  /** The sender never took the ring. */
  abandon(peer: PeerInfo, number: number): void {
    const ring = this.find(peer, number);
    if (ring === undefined) return;
    ring.ending = true;
    this.drop(ring);
  }

  /** Reads no more of it. */
  drop(ring: InboundRing): void {
    if (!this.#rings.delete(ring)) return;
    const index = this.#active.indexOf(ring);
    if (index >= 0) this.#active.splice(index, 1);
    ring.close();
    this.#dropped(ring);
  }

  /**
   * The doorbell rang: for a parked ring, or for a sender of ours, or late, for something that is long read. Whose
   * bell it was nobody says, and it has used up that ring's announcement; so each sleeper announces its sleep again.
   */
  rung(): void {
    if (!this.isOpen) return;
    for (const ring of this.#rings) if (ring.parked && !ring.park()) this.#activate(ring);
    this.becameReadable();
  }

  #activate(ring: InboundRing): void {
    ring.unpark();
    this.#active.push(ring);
  }

  /**
   * | allocates                                    | blocks | syscalls                           | callable from         |
   * | a view, for frames of more than 256 bytes    | no     | 1 for a sender that waits, asleep  | the receiver's thread |
   */
  protected read(handler: FrameHandler, limit: number): number {
    // A handler that polls would see its own frame overwritten.
    if (this.#reading) return 0;
    const waiters = this.#waiters;
    waiters.polled = true;
    waiters.look();
    const active = this.#active;
    let handed = 0;
    this.#reading = true;
    try {
      // Another ring is first each time, so that one sender's flood does not hold up the others.
      for (let left = active.length; left > 0 && handed < limit; left--) {
        if (active.length === 0) break;
        this.#turn = this.#turn + 1 < active.length ? this.#turn + 1 : 0;
        const ring = active[this.#turn];
        const count = ring.read(this.#frame, handler, limit - handed);
        handed += count;
        if (ring.poisoned) this.#poisoned(ring);
        else if (count > 0) continue;
        else if (ring.ending) this.drop(ring);
        else if (active.length > FEW_RINGS && this.#busy && ring.passedOver()) active.splice(this.#turn, 1);
      }
    } finally {
      this.#reading = false;
    }
    this.#busy = handed > 0;
    return handed;
  }

  #poisoned(ring: InboundRing): void {
    this.drop(ring);
    const { name, pid } = ring.peer;
    const where = `participant ${name} (pid ${pid})`;
    this.#violated(
      ring.peer,
      new BusError('PROTOCOL_ERROR', 'the sender wrote into its ring what no sender writes', { where }),
    );
  }

  prepareToSleep(): boolean {
    const active = this.#active;
    for (let i = active.length - 1; i >= 0; i--) {
      if (active[i].ending) return false;
      if (active[i].park()) active.splice(i, 1);
    }
    if (active.length > 0 || !this.#waiters.announce()) return false;
    this.#waiters.polled = false;
    return true;
  }

  drain(peer: PeerInfo): void {
    for (const ring of this.#rings) {
      if (ring.peer.id !== peer.id) continue;
      ring.drain();
      if (ring.parked) this.#activate(ring);
    }
  }

  protected release(): void {
    this.#waiters.polled = false;
    for (const ring of this.#rings) this.drop(ring);
  }
}
