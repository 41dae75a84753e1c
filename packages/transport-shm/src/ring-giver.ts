import { randomInt } from 'node:crypto';
import { isBusError, type PeerInfo } from '@busbar/core/contract';
import { type Bell, createSharedMemory, type HandedDescriptors, openBell } from '@busbar/native';
import { ringBytes } from '@busbar/ring';
import { RING_BYTES } from './capabilities.ts';
import { type Handshake, refusal } from './handshake.ts';
import { InboundRing } from './inbound-ring.ts';
import { isHidden, type Meeting, type Meetings } from './meetings.ts';
import type { ShmReceiver } from './receiver.ts';

/** Rings one peer may have here at a time; a link needs one, a reconnect two. */
const MAX_RINGS_PER_PEER = 64;
/** A pid that only the peer itself has named leads to no descriptor. */
export const UNVERIFIED = 'the kernel has not said which process the peer is';

/** What the giver of rings needs of its transport. */
export interface GiverHost {
  /** Shows in /proc/<pid>/maps. */
  readonly label: string;
  /** Descriptor of this participant's doorbell. */
  readonly bell: number;
  readonly meetings: Meetings;
  /** Undefined: this participant does not listen. */
  receiver(): ShmReceiver | undefined;
  send(peer: PeerInfo, message: Handshake): void;
}

/** The receiver's part of the handshake: rings for the peers that want to send. */
export class RingGiver {
  readonly #host: GiverHost;

  constructor(host: GiverHost) {
    this.#host = host;
  }

  /** `open`: a peer wants to send. */
  open(peer: PeerInfo, number: number, bellDescriptor: number): void {
    const objection = this.#objection(peer, number);
    if (objection !== undefined) {
      this.#host.send(peer, refusal(number, objection));
      return;
    }
    let bell: Bell | undefined;
    try {
      bell = openBell(peer.pid, bellDescriptor);
      const ring = this.#makeRing(peer, number, bell);
      this.#host.receiver()?.add(ring);
      const { memory, nonce } = ring;
      this.#host.send(peer, { op: 'ring', ring: number, memory: memory.descriptor, nonce, bell: this.#host.bell });
    } catch (error) {
      bell?.close();
      if (isHidden(peer, error)) this.#expect(peer, number);
      else this.#host.send(peer, refusal(number, reasonOf(error)));
    }
  }

  /** Why `peer` gets no ring `number`; undefined when it may have one. */
  #objection(peer: PeerInfo, number: number): string | undefined {
    const { meetings } = this.#host;
    const receiver = this.#host.receiver();
    if (receiver === undefined || !receiver.open) return 'this participant does not listen';
    if (!peer.verified) return UNVERIFIED;
    const exists = receiver.find(peer, number) !== undefined || meetings.find(peer, number) !== undefined;
    if (!exists && receiver.ringsOf(peer) + meetings.countOf(peer) < MAX_RINGS_PER_PEER) return undefined;
    return `ring ${number} exists, or the peer has ${MAX_RINGS_PER_PEER} rings here`;
  }

  /** Owns `bell` unless it throws. */
  #makeRing(peer: PeerInfo, number: number, bell: Bell): InboundRing {
    const memory = createSharedMemory(this.#host.label, ringBytes(RING_BYTES));
    return new InboundRing(peer, number, memory, randomInt(2 ** 31), bell);
  }

  /** `attached`: the peer has the memory, and nobody else is to open it. */
  attached(peer: PeerInfo, number: number): void {
    this.#host.receiver()?.find(peer, number)?.memory.closeDescriptor();
  }

  /** `abandoned`: the peer never took the ring, or does not come for it. */
  abandoned(peer: PeerInfo, number: number): void {
    this.#host.receiver()?.abandon(peer, number);
    const meeting = this.#host.meetings.find(peer, number);
    if (meeting !== undefined) this.#host.meetings.end(meeting);
  }

  /** `unreachable`: the peer cannot open the ring it was given. */
  unreachable(peer: PeerInfo, number: number): void {
    this.abandoned(peer, number);
    const objection = this.#objection(peer, number);
    if (objection === undefined) this.#expect(peer, number);
    else this.#host.send(peer, refusal(number, objection));
  }

  #expect(peer: PeerInfo, number: number): void {
    try {
      const { key } = this.#host.meetings.expect(peer, number);
      this.#host.send(peer, { op: 'meet', ring: number, key });
    } catch (error) {
      this.#host.send(peer, refusal(number, reasonOf(error)));
    }
  }

  /** `met`: the peer has come, and has brought its bell. */
  met(peer: PeerInfo, number: number): void {
    const { meetings } = this.#host;
    const receiver = this.#host.receiver();
    const meeting = meetings.find(peer, number);
    if (meeting === undefined || receiver?.open !== true) {
      this.#host.send(peer, refusal(number, 'nobody is expected for it'));
      return;
    }
    try {
      const ring = this.#handOver(meeting);
      receiver.add(ring);
      this.#host.send(peer, { op: 'handed', ring: number, nonce: ring.nonce });
    } catch (error) {
      this.#host.send(peer, refusal(number, reasonOf(error)));
    } finally {
      meetings.end(meeting);
    }
  }

  #handOver({ peer, ring: number, key, point }: Meeting): InboundRing {
    const handover = point.accept(peer.pid);
    let handed: HandedDescriptors | undefined;
    let bell: Bell | undefined;
    let ring: InboundRing | undefined;
    try {
      handed = handover.receive(key, 1);
      bell = handed.bell(0);
      ring = this.#makeRing(peer, number, bell);
      handover.send(key, [ring.memory.descriptor, this.#host.bell]);
      return ring;
    } catch (error) {
      bell?.close();
      ring?.close();
      throw error;
    } finally {
      handed?.close();
      handover.close();
    }
  }
}

/** A code and what happened, for the peer's error text. */
function reasonOf(error: unknown): string {
  return isBusError(error) ? `${error.code}: ${error.what}` : String(error);
}
