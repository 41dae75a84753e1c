import { randomInt } from 'node:crypto';
import {
  BusError,
  isBusError,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type Sender,
  type TransportContext,
} from '@busbar/core/contract';
import {
  type Bell,
  createDoorbell,
  createSharedMemory,
  type Doorbell,
  openBell,
  openSharedMemory,
} from '@busbar/native';
import { ringBytes } from '@busbar/ring';
import { CAPABILITIES, RING_BYTES } from './capabilities.ts';
import { Dials } from './dials.ts';
import { decodeHandshake, encodeHandshake, type FromReceiver, type Handshake, refusal } from './handshake.ts';
import { InboundRing } from './inbound-ring.ts';
import { ShmReceiver } from './receiver.ts';
import { ShmRegions } from './regions/provider.ts';
import { ShmSender } from './sender.ts';
import { Waiters } from './waiters.ts';

/** Rings one peer may have here at a time; a link needs one, a reconnect two. */
const MAX_RINGS_PER_PEER = 64;
/** A pid that only the peer itself has named leads to no descriptor. */
const UNVERIFIED = 'the kernel has not said which process the peer is';

/** One participant's end of the medium: its doorbell, its inbox, its senders. */
export class ShmTransport implements PeerTransport {
  readonly #name: string;
  readonly #context: TransportContext;
  readonly #maxFrameLength: number;
  readonly #doorbell: Doorbell;
  readonly #waiters = new Waiters();
  readonly #dials: Dials;
  /** By the number in the handshake. */
  readonly #senders = new Map<number, ShmSender>();
  readonly regions: ShmRegions;
  #receiver: ShmReceiver | undefined;
  #closing: Promise<void> | undefined;

  /** @throws BusError RESOURCE_EXHAUSTED | NEEDS_NATIVE */
  constructor(name: string, context: TransportContext, lendingBytes: number) {
    this.#name = name;
    this.#context = context;
    this.#maxFrameLength = Math.min(context.limits.maxFrameLength, CAPABILITIES.maxFrameLength);
    this.#dials = new Dials(context.clock);
    this.#doorbell = createDoorbell(() => this.#rung());
    this.regions = new ShmRegions(
      {
        name,
        label: `busbar-${context.self.id}-lent`,
        bell: this.#doorbell.descriptor,
        retired: (region, borrowers) => {
          for (const peer of borrowers) this.#send(peer, { op: 'retired', region });
        },
      },
      lendingBytes,
    );
    context.control.onMessage((peer, message) => this.#onControl(peer, message));
    context.control.onPeerLost((peer, dead) => this.#onPeerLost(peer, dead));
  }

  async listen(): Promise<Receiver> {
    this.#assertOpen();
    if (this.#receiver !== undefined) throw new BusError('MISUSE', 'listen was called twice', { where: this.#name });
    const address = `${this.#name}:${this.#context.self.id}`;
    this.#receiver = new ShmReceiver(
      address,
      this.#waiters,
      (from, error) => this.#violated(from, error),
      (ring) => this.#dropped(ring),
    );
    return this.#receiver;
  }

  async connect(address: string, peer: PeerInfo, signal?: AbortSignal): Promise<Sender> {
    this.#assertOpen();
    if (address !== `${this.#name}:${peer.id}`) {
      throw new BusError('TRANSPORT_FAILED', `the address of this peer is ${this.#name}:${peer.id}`, {
        where: address,
      });
    }
    if (!peer.verified) {
      throw new BusError('TRANSPORT_FAILED', UNVERIFIED, {
        where: `participant ${peer.name}`,
        remedy: 'install @busbar/native where @busbar/core finds it, on both sides',
      });
    }
    const open = (ring: number): boolean => this.#send(peer, { op: 'open', ring, bell: this.#doorbell.descriptor });
    return this.#dials.dial(peer, open, signal);
  }

  #send(peer: PeerInfo, message: Handshake): boolean {
    return this.#context.control.send(peer, encodeHandshake(message));
  }

  #onControl(peer: PeerInfo, bytes: Uint8Array): void {
    const message = decodeHandshake(bytes);
    switch (message?.op) {
      case 'open':
        this.#opened(peer, message.ring, message.bell);
        return;
      case 'attached':
        this.#receiver?.find(peer, message.ring)?.memory.closeDescriptor();
        return;
      case 'abandoned':
        this.#receiver?.abandon(peer, message.ring);
        return;
      case 'ring':
        this.#attach(peer, message);
        return;
      case 'refused':
        this.#refused(peer, message.ring, message.reason);
        return;
      case 'retired':
        this.regions.retired(peer, message.region);
        return;
      default:
        this.#context.metrics.count('shm_protocol_errors', 1);
    }
  }

  /** A peer wants to send. */
  #opened(peer: PeerInfo, number: number, bellDescriptor: number): void {
    const receiver = this.#receiver;
    if (receiver === undefined || !receiver.open) {
      this.#send(peer, refusal(number, 'this participant does not listen'));
      return;
    }
    if (!peer.verified) {
      this.#send(peer, refusal(number, UNVERIFIED));
      return;
    }
    if (receiver.find(peer, number) !== undefined || receiver.ringsOf(peer) >= MAX_RINGS_PER_PEER) {
      this.#send(peer, refusal(number, `ring ${number} exists, or the peer has ${MAX_RINGS_PER_PEER} rings here`));
      return;
    }
    let bell: Bell | undefined;
    try {
      bell = openBell(peer.pid, bellDescriptor);
      const memory = createSharedMemory(`busbar-${this.#context.self.id}`, ringBytes(RING_BYTES));
      const nonce = randomInt(2 ** 31);
      receiver.add(new InboundRing(peer, number, memory, nonce, bell));
      const answer: FromReceiver = {
        op: 'ring',
        ring: number,
        memory: memory.descriptor,
        nonce,
        bell: this.#doorbell.descriptor,
      };
      this.#send(peer, answer);
    } catch (error) {
      bell?.close();
      this.#send(peer, refusal(number, reasonOf(error)));
    }
  }

  /** A peer has made the ring we asked for. */
  #attach(peer: PeerInfo, { ring: number, memory, nonce, bell }: FromReceiver & { readonly op: 'ring' }): void {
    const dial = this.#dials.take(peer, number);
    if (dial === undefined) {
      this.#send(peer, { op: 'abandoned', ring: number });
      return;
    }
    try {
      const sender = this.#makeSender(peer, number, memory, nonce, bell);
      this.#senders.set(number, sender);
      this.#send(peer, { op: 'attached', ring: number });
      dial.resolve(sender);
    } catch (error) {
      this.#send(peer, { op: 'abandoned', ring: number });
      dial.reject(
        isBusError(error) ? error : new BusError('TRANSPORT_FAILED', String(error), { where: peer.name, cause: error }),
      );
    }
  }

  #makeSender(peer: PeerInfo, number: number, descriptor: number, nonce: number, bellDescriptor: number): ShmSender {
    const memory = openSharedMemory(peer.pid, descriptor, ringBytes(RING_BYTES));
    let bell: Bell | undefined;
    try {
      bell = openBell(peer.pid, bellDescriptor);
      return new ShmSender(peer, memory, nonce, bell, this.#maxFrameLength, this.#waiters, (reason) => {
        this.#senders.delete(number);
        // Later: it may be in the middle of a claim of the bus's.
        if (reason?.code === 'PROTOCOL_ERROR') queueMicrotask(() => this.#violated(peer, reason));
      });
    } catch (error) {
      bell?.close();
      memory.close();
      throw error;
    }
  }

  /** No ring, or the inbox it led to is closed. */
  #refused(peer: PeerInfo, number: number, reason: string): void {
    const sender = this.#senders.get(number);
    if (sender?.peer.id === peer.id) sender.end(reason);
    else this.#dials.refuse(peer, number, reason);
  }

  /** `peer` wrote into a ring what nobody writes. */
  #violated(peer: PeerInfo, error: BusError): void {
    this.#context.metrics.count('shm_protocol_errors', 1);
    this.#context.control.violation(peer, error);
  }

  #dropped({ peer, number, ending }: InboundRing): void {
    // Its sender knows, or is gone.
    if (!ending) this.#send(peer, refusal(number, 'the inbox was closed'));
  }

  #onPeerLost(peer: PeerInfo, dead: boolean): void {
    this.regions.peerLost(peer, dead);
    this.#dials.cancel(
      () => new BusError('PEER_GONE', 'the link to the peer ended', { where: peer.name, outcome: 'not-sent' }),
      peer,
    );
    for (const sender of this.#senders.values())
      if (sender.peer.id === peer.id) sender.end('the link to the peer ended');
  }

  #rung(): void {
    this.#waiters.rung();
    this.#receiver?.rung();
    this.regions.rung();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new BusError('CLOSED', 'the transport is closed', { where: this.#name });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#dials.cancel(() => new BusError('CLOSED', 'the transport was closed', { where: this.#name }));
    await Promise.all([...this.#senders.values()].map((sender) => sender.close()));
    await this.#receiver?.close();
    this.regions.close();
    this.#doorbell.close();
  }
}

/** A code and what happened, for the peer's error text. */
function reasonOf(error: unknown): string {
  return isBusError(error) ? `${error.code}: ${error.what}` : String(error);
}
